"""What a watcher on another host is told over HTTP; the clock stands at Monday 2026-01-05, 09:00 UTC."""

from typing import Any

import msgspec
import pytest

from openalert.domain.access import Role, Scope
from openalert.domain.apprise import shown
from openalert.domain.escalation import Level, Target, TargetTurn, TargetType
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.outage import Ending, Outage
from openalert.domain.self_watch import Standing, Trouble, TroubleKind
from openalert.domain.watcher import LARGEST, Forged, Word, calls, read
from openalert.storage import Database, contact_methods, outages
from openalert.usecases import api_keys, schedules, users, warnings, watchers
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Callers, Client

pytestmark = pytest.mark.anyio
NONCE = "0123456789abcdef"


async def _key(db: Database, cast: Cast, **options: Any) -> str:
    async with db.transaction(make.actor(cast.alice)) as tx:
        return (await api_keys.create(tx, name="second host", scopes=[Scope.WATCH], **options))[1]


def _holder(callers: Callers, key: str) -> Client:
    return callers.anonymous(authorization=f"Bearer {key}")


async def _asked(callers: Callers, key: str, what: str = "snapshot") -> Word:
    answer = await _holder(callers, key).get(f"/watch/{what}", params={"nonce": NONCE})
    assert answer.status_code == 200, answer.text
    return read(answer.json()["word"], answer.json()["signature"], key, NONCE)


@pytest.fixture
async def primary(alice: Client, cast: Cast, db: Database) -> str:
    """The path of a schedule in which Bob and Alice take daily turns; its policy pages Alice next."""
    made = await alice.post("/schedules", json={"name": "Primary", "teamId": cast.team.id, "timezone": "UTC"})
    path = f"/schedules/{made.json()['id']}"
    rotation = {
        "name": "Daily", "rotationType": "daily", "handoffTime": "09:00", "effectiveFrom": "2026-01-05T09:00:00Z",
        "memberIds": [cast.bob.id, cast.alice.id],
    }  # fmt: skip
    assert (await alice.post(f"{path}/rotations", json=rotation)).status_code == 201
    levels = [
        {"delayMinutes": 0, "targets": [{"type": "schedule", "id": made.json()["id"]}]},
        {"delayMinutes": 5, "targets": [{"type": "user", "id": cast.alice.id}]},
    ]
    policy = await alice.post(
        "/escalation-policies", json={"name": "Core", "teamId": cast.team.id, "levels": levels}
    )
    await alice.post(
        "/services",
        json={"name": "Shop", "teamId": cast.team.id, "escalationPolicyId": policy.json()["id"]},
    )
    return path


@pytest.mark.proves("SM-1")
async def test_a_watcher_learns_who_is_on_call_and_how_they_are_reached(
    callers: Callers, cast: Cast, db: Database, primary: str, clock: Any
) -> None:
    """Now and for seven days, level by level, with verified ways alone and the owners for the end."""
    await make.contact_method(db, cast.bob, "sms", "+4915112345678")
    await make.contact_method(db, cast.bob, "voice", "+4915100000000", verified=False)
    word = await _asked(callers, await _key(db, cast))
    assert (word.organization, word.at, word.would_page) == ("Acme", clock(), None)
    known = word.snapshot
    assert known is not None
    assert known.until == clock() + 7 * DAY
    first, further = calls(known, clock())
    assert [(each.person.name, each.reason) for each in first] == [
        ("Bob", "You are on call for Primary (Core).")
    ]
    assert first[0].until == clock() + DAY
    assert {(way.channel, way.address) for way in first[0].person.ways} == {
        ("email", "bob@example.org"),
        ("sms", "+4915112345678"),
    }
    assert [each.person.name for each in further] == ["Alice"]
    assert [each.person.name for each in calls(known, clock() + DAY + HOUR)[0]] == ["Alice"]
    assert "Charlie" not in {each.name for each in known.people}


async def test_an_override_counts_and_nobody_on_call_means_the_owners(
    callers: Callers, alice: Client, cast: Cast, db: Database, clock: Any
) -> None:
    """Where no schedule has anybody the owners are called at once."""
    made = await alice.post("/schedules", json={"name": "Nights", "teamId": cast.team.id, "timezone": "UTC"})
    path, key = f"/schedules/{made.json()['id']}", await _key(db, cast)
    word = await _asked(callers, key)
    assert word.snapshot is not None
    first, further = calls(word.snapshot, clock())
    assert ([each.person.name for each in first], further) == (["Alice"], [])
    assert first[0].reason == "You own the team Core."
    override = {
        "startTime": "2026-01-05T09:00:00Z",
        "endTime": "2026-01-05T12:00:00Z",
        "userId": cast.charlie.id,
    }
    assert (await alice.post(f"{path}/overrides", json=override)).status_code == 201
    word = await _asked(callers, key)
    assert word.snapshot is not None
    assert [each.person.name for each in calls(word.snapshot, clock())[0]] == ["Charlie"]


async def _payments_schedule(alice: Client, cast: Cast, db: Database) -> str:
    """The id of a schedule of another team, Payments, on which Charlie has the turn."""
    other = await make.team(db, cast.organization, "Payments")
    made = await alice.post("/schedules", json={"name": "Money", "teamId": other.id, "timezone": "UTC"})
    override = {
        "startTime": "2026-01-05T09:00:00Z",
        "endTime": "2026-01-05T12:00:00Z",
        "userId": cast.charlie.id,
    }
    await alice.post(f"/schedules/{made.json()['id']}/overrides", json=override)
    return str(made.json()["id"])


async def test_a_key_of_one_team_learns_of_that_team_alone(
    callers: Callers, cast: Cast, db: Database, primary: str, alice: Client, clock: Any
) -> None:
    """The other team's people and its name stay out of it."""
    await _payments_schedule(alice, cast, db)
    everything = await _asked(callers, await _key(db, cast))
    assert everything.snapshot is not None
    assert {each.slug for each in everything.snapshot.teams} == {"core", "payments"}
    assert {each.person.name for each in calls(everything.snapshot, clock())[0]} == {"Bob", "Charlie"}
    assert [each.person.name for each in calls(everything.snapshot, clock(), ["payments"])[0]] == ["Charlie"]
    own = await _asked(callers, await _key(db, cast, team_id=cast.team.id))
    text = msgspec.json.encode(own).decode()
    assert "Payments" not in text
    assert "Charlie" not in text
    assert "bob@example.org" in text


async def test_only_keys_made_for_watching_open_it_and_they_open_nothing_else(
    callers: Callers, alice: Client, cast: Cast, db: Database
) -> None:
    """Nobody's session and no ordinary key, whatever its role; and the watcher's own key reads no list."""
    asked = {"nonce": NONCE}
    assert (await alice.get("/watch/snapshot", params=asked)).status_code == 403
    async with db.transaction(make.actor(cast.alice)) as tx:
        _, owner = await api_keys.create(tx, name="all", role=Role.OWNER)
    for what in ("alive", "snapshot"):
        refused = await _holder(callers, owner).get(f"/watch/{what}", params=asked)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert (await callers.anonymous().get(f"/watch/{what}", params=asked)).status_code == 401
    key = await _key(db, cast)
    watcher = _holder(callers, key)
    for path in ("/users", "/incidents", "/api-keys", "/organization", "/oncall", "/users/me"):
        answer = await watcher.get(path)
        assert answer.status_code in (401, 404), path
    assert (await watcher.post("/teams", json={"name": "Mine"})).status_code == 401
    async with db.read() as reader:
        assert await api_keys.find(reader, key) is None


async def test_only_admins_of_the_organization_make_such_keys_and_only_while_they_are(
    callers: Callers, cast: Cast, db: Database
) -> None:
    """It shows addresses that others may not see; mixed with other scopes it is not made."""
    from openalert.domain.errors import Forbidden, Invalid

    dora = await make.user(db, cast.organization, "Dora", Role.ADMIN)
    with pytest.raises(Forbidden):
        async with db.transaction(make.actor(cast.bob, cast.team)) as tx:
            await api_keys.create(tx, name="x", scopes=[Scope.WATCH], team_id=cast.team.id)
    with pytest.raises(Invalid):
        async with db.transaction(make.actor(dora)) as tx:
            await api_keys.create(tx, name="x", scopes=[Scope.WATCH, Scope.READ])
    async with db.transaction(make.actor(dora)) as tx:
        _, key = await api_keys.create(tx, name="x", scopes=[Scope.WATCH])
    await _asked(callers, key)
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.update(tx, dora.id, role=Role.MEMBER)
    answer = await _holder(callers, key).get("/watch/snapshot", params={"nonce": NONCE})
    assert answer.status_code == 401


async def test_reading_addresses_stands_in_the_audit_log_once_a_day(
    callers: Callers, cast: Cast, db: Database, clock: Any
) -> None:
    """However often it asks; and being asked for life alone is no reading."""
    key = await _key(db, cast)

    async def readings() -> int:
        reader = await callers.signed_in(cast.alice)
        return len((await reader.get("/audit-log", params={"act": "api_key.watched"})).json()["items"])

    await _asked(callers, key, "alive")
    assert await readings() == 0
    for _ in range(3):
        await _asked(callers, key)
    assert await readings() == 1
    clock.advance(DAY)
    await _asked(callers, key)
    assert await readings() == 2


async def test_it_says_whether_it_would_page_and_refuses_bad_nonces(
    callers: Callers, cast: Cast, db: Database, clock: Any
) -> None:
    """In the words of its own watch; a nonce that is short, missing or no word is refused."""
    key = await _key(db, cast)
    trouble = Trouble(TroubleKind.DISK, "The disk is full.")

    class Ill:
        standing = Standing(clock(), (trouble,))

    callers.state["self_watch"] = lambda: Ill
    word = await _asked(callers, key, "alive")
    assert (word.would_page, word.troubles, word.snapshot) == (False, ("The disk is full.",), None)
    for nonce in ("", "short", "x" * 65, "0123456789abcde\u00e9", "0123456789 abcdef"):
        answer = await _holder(callers, key).get("/watch/alive", params={"nonce": nonce})
        assert answer.status_code == 400, nonce
    assert (await _holder(callers, key).get("/watch/alive")).status_code == 400


async def test_who_asks_too_often_is_told_to_wait(callers: Callers, cast: Cast, db: Database) -> None:
    """A watcher asks some times a minute; its key in other hands costs no more than that."""
    client = _holder(callers, await _key(db, cast))
    codes = [(await client.get("/watch/alive", params={"nonce": NONCE})).status_code for _ in range(125)]
    assert codes[:100] == [200] * 100
    assert 429 in codes


def test_a_word_that_was_changed_or_is_old_is_not_believed() -> None:
    """Another key, another text, another nonce: each is Forged, and says why."""
    from openalert.domain.watcher import signature, written

    key = "oak_" + "a" * 40
    word = Word(nonce=NONCE, at=1, organization="Acme", server="https://x", would_page=True)
    text = written(word)
    code = signature(text, key)
    assert read(text, code, key, NONCE) == word
    for text_, code_, key_, nonce in (
        (text.replace("Acme", "Evil"), code, key, NONCE),
        (text, code[:-1] + ("0" if code[-1] != "0" else "1"), key, NONCE),
        (text, "\u00e9" * 64, key, NONCE),
        (text, code, key + "x", NONCE),
        (text, code, key, "another nonce 01"),
    ):
        with pytest.raises(Forged):
            read(text_, code_, key_, nonce)
    odd = "[" * 100_000
    with pytest.raises(Forged):
        read(odd, signature(odd, key), key, NONCE)


async def test_an_address_that_is_sealed_is_opened_for_it_and_one_that_cannot_be_is_left_out(
    callers: Callers, cast: Cast, db: Database, primary: str, clock: Any
) -> None:
    """Addresses of Apprise are secrets as a whole; push keys never leave."""
    address = "ntfy://ntfy.example.org/core-nights"
    method = await make.contact_method(db, cast.bob, "apprise", shown(address))
    await make.contact_method(db, cast.bob, "push", "Firefox on Linux")
    broken = await make.contact_method(db, cast.bob, "apprise", "ntfy://…")
    async with db.transaction() as tx:
        await contact_methods.put_secrets(tx, method.id, {"address": address})
        await tx.execute("UPDATE contact_methods SET sealed = 'v1.x.y' WHERE id = :id", id=broken.id)
    word = await _asked(callers, await _key(db, cast))
    assert word.snapshot is not None
    bob = word.snapshot.person(cast.bob.id)
    assert bob is not None
    assert {(way.channel, way.address) for way in bob.ways} == {
        ("email", "bob@example.org"),
        ("apprise", address),
    }


async def test_a_snapshot_is_bounded_however_many_schedules_there_are(
    callers: Callers, cast: Cast, db: Database, alice: Client, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be too large knows a shorter time ahead, and says so; in the end it is refused with what to do."""
    made = await alice.post("/schedules", json={"name": "Quick", "teamId": cast.team.id, "timezone": "UTC"})
    rotation = {
        "name": "Hourly", "rotationType": "hourly", "shiftLength": 1, "effectiveFrom": "2026-01-05T09:00:00Z",
        "memberIds": [cast.bob.id, cast.alice.id],
    }  # fmt: skip
    answer = await alice.post(f"/schedules/{made.json()['id']}/rotations", json=rotation)
    assert answer.status_code == 201, answer.text
    key = await _key(db, cast)
    whole = await _asked(callers, key)
    assert whole.snapshot is not None
    spans = whole.snapshot.teams[0].rosters[0].spans
    assert len(spans) == 7 * 24
    monkeypatch.setattr(watchers, "LARGEST", 8_000)
    clock.advance(30 * MINUTE)  # in the middle of a shift: the last one is cut off
    shorter = await _asked(callers, key)
    assert shorter.snapshot is not None
    assert shorter.snapshot.until == clock() + 2 * DAY
    assert shorter.snapshot.teams[0].rosters[0].spans[-1].end == clock() + 2 * DAY
    monkeypatch.setattr(watchers, "LARGEST", 100)
    refused = await _holder(callers, key).get("/watch/snapshot", params={"nonce": NONCE})
    assert (refused.status_code, "one key for each team" in refused.text) == (400, True)
    assert LARGEST == 1024 * 1024


async def test_a_watcher_that_has_stopped_asking_is_a_warning(
    callers: Callers, cast: Cast, db: Database, clock: Any
) -> None:
    """Not one that never began, not while the server itself was away, and not once its key is revoked."""

    async def told() -> list[str]:
        found = (await warnings.look(db, make.actor(cast.alice))).findings
        return [each.words for each in found if each.kind == "watcher_stopped"]

    key = await _key(db, cast)
    clock.advance(HOUR)
    assert await told() == []
    await _asked(callers, key, "alive")
    async with db.transaction() as tx:
        await tx.execute("UPDATE api_keys SET last_used_at = :now", now=tx.now)
    clock.advance(14 * MINUTE)
    assert await told() == []
    clock.advance(2 * MINUTE)
    assert await told() == ["The watcher second host has stopped asking"]
    away = Outage(since=clock() - 10 * MINUTE, until=clock() - MINUTE, ending=Ending.DIED)
    async with db.transaction() as tx:
        await outages.note(tx, "run", away)
    assert await told() == [], "nobody could ask in that time"
    clock.advance(15 * MINUTE)
    assert await told() == ["The watcher second host has stopped asking"]
    found = (await warnings.look(db, make.actor(cast.bob, cast.team, team_role=Role.MEMBER))).findings
    assert "watcher_stopped" not in {each.kind for each in found}
    async with db.transaction(make.actor(cast.alice)) as tx:
        await api_keys.revoke(tx, key.split("_")[1])
    assert await told() == []


@pytest.mark.proves("SM-1")
async def test_who_was_on_call_before_is_called_as_the_level_says(
    callers: Callers, alice: Client, cast: Cast, db: Database, clock: Any
) -> None:
    """Whom the engine would call, now and in the coming days; whoever stood in counts like everybody else."""
    made = await alice.post("/schedules", json={"name": "Primary", "teamId": cast.team.id, "timezone": "UTC"})
    path = f"/schedules/{made.json()['id']}"
    rotation = {
        "name": "Daily", "rotationType": "daily", "handoffTime": "09:00", "effectiveFrom": "2026-01-05T09:00:00Z",
        "memberIds": [cast.bob.id, cast.alice.id],
    }  # fmt: skip
    assert (await alice.post(f"{path}/rotations", json=rotation)).status_code == 201
    stand_in = {
        "startTime": "2026-01-05T10:00:00Z",
        "endTime": "2026-01-05T12:00:00Z",
        "userId": cast.charlie.id,
    }
    assert (await alice.post(f"{path}/overrides", json=stand_in)).status_code == 201
    target = {"type": "schedule", "id": made.json()["id"], "turn": "previous"}
    levels = [{"delayMinutes": 0, "targets": [target]}]
    body = {"name": "Core", "teamId": cast.team.id, "levels": levels}
    policy = (await alice.post("/escalation-policies", json=body)).json()["id"]
    service = {"name": "Shop", "teamId": cast.team.id, "escalationPolicyId": policy}
    assert (await alice.post("/services", json=service)).status_code == 201
    key = await _key(db, cast)
    meant = Target(type=TargetType.SCHEDULE, id=made.json()["id"], turn=TargetTurn.PREVIOUS)
    for hours in (0, 2, 4, 24, 24):
        clock.advance(hours * HOUR)
        word = await _asked(callers, key)
        assert word.snapshot is not None
        for later in (0, 30 * MINUTE, 90 * MINUTE, 3 * HOUR, 26 * HOUR, 75 * HOUR):
            async with db.read() as reader:
                expected = (await schedules.meant(reader, [meant], clock() + later))[meant]
            called = [
                each.person.id
                for some in calls(word.snapshot, clock() + later)
                for each in some
                if each.reason == "You were on call before for Primary (Core)."
            ]
            assert called == expected, (clock(), later)
    assert expected != []


async def test_who_has_nothing_but_push_is_named(cast: Cast, db: Database) -> None:
    """No watcher can send push: it has their address for signing in alone. One other way that is proven is enough."""
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM contact_methods")
    await make.contact_method(db, cast.bob, "push", "browser")
    await make.contact_method(db, cast.charlie, "push", "telephone")

    async def named() -> list[str]:
        async with db.read() as reader:
            return await watchers.written_to_alone(reader, make.actor(cast.alice))

    assert await named() == ["Bob", "Charlie"]
    await make.contact_method(db, cast.charlie, "sms", "+4915112345678", verified=False)
    await make.contact_method(db, cast.bob, "sms", "+4915112345679")
    assert await named() == ["Charlie"]


async def _calls(callers: Callers, db: Database, cast: Cast, clock: Any, **options: Any) -> list[list[str]]:
    """The names that a watcher with a new key would call now, those at once first."""
    word = await _asked(callers, await _key(db, cast, **options))
    assert word.snapshot is not None
    return [[each.person.name for each in some] for some in calls(word.snapshot, clock())]


async def test_a_schedule_of_a_team_out_of_sight_is_called_all_the_same(
    callers: Callers, alice: Client, cast: Cast, db: Database, clock: Any
) -> None:
    """The policy of the key's team names a schedule of Payments: whoever is on call there is called."""
    schedule_id = await _payments_schedule(alice, cast, db)
    target = Target(type=TargetType.SCHEDULE, id=schedule_id)
    policy = await make.policy(db, cast.team, Level(level=1, delay=0, targets=(target,)))
    await make.service(db, cast.team, policy)
    assert await _calls(callers, db, cast, clock, team_id=cast.team.id) == [["Charlie"], ["Alice"]]


async def test_what_no_service_uses_calls_nobody_where_another_policy_is_used(
    callers: Callers, cast: Cast, db: Database, primary: str, clock: Any
) -> None:
    """An old policy with Charlie in it changes nothing."""
    before = await _calls(callers, db, cast, clock)
    await make.policy(db, cast.team, make.level(1, cast.charlie), name="Old")
    assert await _calls(callers, db, cast, clock) == before
    assert before[0] == ["Bob"]


async def test_a_schedule_that_two_levels_call_is_called_at_the_first_of_them(
    callers: Callers, cast: Cast, db: Database, primary: str, clock: Any
) -> None:
    """Bob is on call at level 1 and again at level 3, with Charlie between them."""
    schedule = Target(type=TargetType.SCHEDULE, id=primary.rpartition("/")[2])
    policy = await make.policy(
        db,
        cast.team,
        Level(level=1, delay=0, targets=(schedule,)),
        make.level(2, cast.charlie),
        Level(level=3, delay=0, targets=(schedule,)),
        name="Thrice",
    )
    async with db.transaction() as tx:
        await tx.execute("UPDATE services SET escalation_policy_id = :id", id=policy.id)
    assert (await _calls(callers, db, cast, clock))[0] == ["Bob"]


async def test_who_was_deactivated_is_not_called_and_who_has_only_push_gets_a_mail(
    callers: Callers, cast: Cast, db: Database, primary: str, clock: Any
) -> None:
    """A watcher has no push: it writes to the address for signing in, as the last of all ways."""
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM contact_methods WHERE user_id = :bob", bob=cast.bob.id)
    await make.contact_method(db, cast.bob, "push", "browser")
    key = await _key(db, cast)
    word = await _asked(callers, key)
    assert word.snapshot is not None
    (bob,) = [each for each in word.snapshot.people if each.id == cast.bob.id]
    assert [(way.channel, way.address, way.is_spare) for way in bob.ways] == [
        ("email", "bob@example.org", True)
    ]
    async with db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :bob", no=False, bob=cast.bob.id)
    word = await _asked(callers, key)
    assert word.snapshot is not None
    assert cast.bob.id not in {each.id for each in word.snapshot.people}
    assert calls(word.snapshot, clock())[0][0].person.name == "Alice"
