"""History is never rewritten: whatever is done to a schedule, who was on call stays who was on call."""

import random
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from openalert.domain.instant import HOUR
from openalert.web import matrix
from tests.conftest import StoppedClock
from tests.make import Cast
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio
BEGINNING = datetime(2026, 1, 5, 9, tzinfo=UTC)
STEPS = 70
Act = Callable[["Somebody"], Awaitable[httpx2.Response]]


class Somebody:
    """Whoever edits a schedule at random, sensibly or not, with dates before and after now."""

    def __init__(self, client: Client, cast: Cast, clock: StoppedClock, seed: int) -> None:
        self.client, self.clock = client, clock
        self.people = [cast.alice.id, cast.bob.id, cast.charlie.id]
        self.random = random.Random(seed)
        self.path = ""

    @property
    def now(self) -> datetime:
        """What the clock shows."""
        return datetime.fromtimestamp(self.clock() / 1000, UTC)

    def time(self, least: int = -40, most: int = 40) -> str:
        """An instant within some days of now."""
        return (self.now + timedelta(hours=self.random.randint(least * 24, most * 24))).isoformat()

    def period(self) -> dict[str, str]:
        """A beginning and a later end, either of which may be past."""
        begin = self.now + timedelta(hours=self.random.randint(-200, 200))
        end = begin + timedelta(hours=self.random.randint(1, 200))
        return {"startTime": begin.isoformat(), "endTime": end.isoformat()}

    def definition(self) -> dict[str, Any]:
        """Some of what makes up a rotation."""
        pick = self.random.choice
        every = {
            "rotationType": pick(["hourly", "daily", "weekly", "monthly", "custom"]),
            "shiftLength": pick([1, 2, 3, 7]),
            "handoffTime": pick(["00:00", "09:00", "17:30"]),
            "effectiveFrom": self.time(),
            "effectiveUntil": pick([None, self.time(41, 90)]),
            "memberIds": self.random.sample([*self.people, ""], self.random.randint(1, 4)),
            "layer": pick([0, 1, 2, 5]),
            "isShadow": pick([True, False, False]),
            "restrictions": pick([[], [{"fromTime": "09:00", "toTime": "17:00"}]]),
        }
        return {name: every[name] for name in self.random.sample(sorted(every), self.random.randint(1, 5))}

    def apply(self) -> str:
        """From when an edit is to count."""
        return self.random.choice(["now", "next_handoff", self.time(0, 20)])

    async def one(self, what: str) -> str | None:
        """The path of some rotation or override that there is."""
        found = (await self.client.get(f"{self.path}/{what}")).json()["items"]
        return f"{self.path}/{what}/{self.random.choice(found)['id']}" if found else None

    async def past(self) -> list[tuple[str, str, list[str]]]:
        """Who was on call from the beginning until now, whatever it was by."""
        span = {"from": BEGINNING.isoformat(), "to": self.now.isoformat()}
        told = (await self.client.get(f"{self.path}/shifts", params=span)).json()
        found: list[tuple[str, str, list[str]]] = []
        for each in told["items"]:
            people = sorted(person["user"]["id"] for person in each["onCall"])
            if found and found[-1][1] == each["startTime"] and found[-1][2] == people:
                found[-1] = (found[-1][0], each["endTime"], people)
            else:
                found.append((each["startTime"], each["endTime"], people))
        return found


async def _rotation(
    by: Somebody, body: dict[str, Any], verb: str = "patch", under: str = ""
) -> httpx2.Response:
    path = await by.one("rotations")
    if path is None:
        return httpx2.Response(204)
    return await by.client.request(verb, path + under, **({"json": body} if body else {}))


async def _override(by: Somebody, verb: str, body: dict[str, Any]) -> httpx2.Response:
    path = await by.one("overrides")
    if path is None:
        return httpx2.Response(204)
    return await by.client.request(verb, path, **({"json": body} if body else {}))


async def _add_override(by: Somebody) -> httpx2.Response:
    kind = by.random.choice(["replace", "cover", "add", "remove", "fixed"])
    one, other = by.random.sample(by.people, 2)
    body: dict[str, Any] = {"kind": kind, **by.period()}
    if kind == "fixed":
        body["shifts"] = [{"userId": one, "startTime": body["startTime"], "endTime": body["endTime"]}]
    else:
        body["userId"] = one
    if kind == "cover":
        body["insteadOfId"] = other
    return await by.client.post(f"{by.path}/overrides", json=body)


async def _add_member(by: Somebody) -> httpx2.Response:
    return await _rotation(
        by, {"userId": by.random.choice(by.people), "apply": by.apply()}, "post", "/members"
    )


async def _remove_member(by: Somebody) -> httpx2.Response:
    return await _rotation(by, {}, "delete", f"/members/{by.random.choice(by.people)}")


ACTS: dict[str, Act] = {
    "PATCH /schedules/{}": lambda by: by.client.patch(
        by.path, json={"timezone": by.random.choice(["UTC", "Asia/Tokyo", "America/New_York"])}
    ),
    "POST /schedules/{}/rotations": lambda by: by.client.post(
        f"{by.path}/rotations",
        json={"name": "More", "effectiveFrom": by.time(), "memberIds": by.people, **by.definition()},
    ),
    "PATCH /schedules/{}/rotations/{}": lambda by: _rotation(by, {**by.definition(), "apply": by.apply()}),
    "DELETE /schedules/{}/rotations/{}": lambda by: _rotation(
        by, {}, "delete", by.random.choice(["", "?apply=next_handoff"])
    ),
    "POST /schedules/{}/rotations/{}/members": _add_member,
    "DELETE /schedules/{}/rotations/{}/members/{}": _remove_member,
    "POST /schedules/{}/overrides": _add_override,
    "PATCH /schedules/{}/overrides/{}": lambda by: _override(by, "patch", by.period()),
    "DELETE /schedules/{}/overrides/{}": lambda by: _override(by, "delete", {}),
}
ELSEWHERE = ("calendar-feeds", "calendar-links", "handoff-notes", "swaps", "preview", "test-page")
"""Held to the same by tests of their own, or changing nothing."""


def test_every_way_to_change_a_schedule_is_tried_here() -> None:
    """A new route below a schedule is one of the acts, or named as one that another test holds."""
    prefix = "/api/v1/schedules/{schedule_id}"
    writing = {
        f"{route.method} {re.sub('{[a-z_]+}', '{}', route.path.removeprefix('/api/v1'))}"
        for route in matrix.routes()
        if route.path.startswith(prefix) and route.method != "GET"
        if not any(part in route.path for part in ELSEWHERE)
    }
    assert writing - {"DELETE /schedules/{}"} == set(ACTS)


@pytest.mark.parametrize("seed", range(3))
async def test_no_edit_changes_who_was_on_call(
    alice: Client, callers: Callers, cast: Cast, clock: StoppedClock, seed: int
) -> None:
    """Seventy edits at random, hours apart, many with past dates: after each the past reads as before it."""
    by = Somebody(alice, cast, clock, seed)
    made = await alice.post("/schedules", json={"name": "Primary", "teamId": cast.team.id, "timezone": "UTC"})
    by.path = f"/schedules/{made.json()['id']}"
    first = {"name": "Daily", "rotationType": "daily", "effectiveFrom": BEGINNING.isoformat()}
    await alice.post(f"{by.path}/rotations", json={**first, "memberIds": by.people})
    done = set()
    for _ in range(STEPS):
        clock.advance(by.random.randint(1, 30) * HOUR + by.random.randint(0, HOUR))
        by.client = await callers.signed_in(cast.alice)  # days pass, and sessions with them
        before = await by.past()
        [name] = by.random.choices(list(ACTS), [1 if each.startswith("DELETE") else 3 for each in ACTS])
        answer = await ACTS[name](by)
        assert answer.status_code < 500, answer.text
        if answer.status_code < 300:
            done.add(name)
        assert await by.past() == before, (seed, name, answer.text)
    assert len(before) > 10
    assert len(done) >= 7
