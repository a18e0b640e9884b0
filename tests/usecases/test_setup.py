"""The first minutes: one link, one owner, a working set-up."""

import asyncio
from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.instant import DAY, HOUR
from openalert.storage import Database
from openalert.usecases import presets, schedules, setup, users
from tests import make
from tests.make import Cast

pytestmark = pytest.mark.anyio


async def issue(db: Database) -> str | None:
    """The token that a start prints."""
    async with db.transaction() as tx:
        return await setup.issue_token(tx)


async def complete(db: Database, token: str, email: str = "owner@example.org") -> Any:
    """The owner made with the token."""
    async with db.transaction() as tx:
        return await setup.complete(
            tx, token, organization="Acme", owner_name="Olga", email=email, password_hash="hash"
        )


async def test_two_who_race_make_one_owner(db: Database) -> None:
    """Exactly one wins; afterwards there is no set-up and no token."""
    token = await issue(db)
    assert token is not None
    results = await asyncio.gather(
        complete(db, token), complete(db, token, "second@example.org"), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["NotFound", "User"]
    assert await issue(db) is None
    with pytest.raises(NotFound):
        await complete(db, token)
    async with db.read() as reader:
        assert await reader.value("SELECT count(*) FROM users") == 1
        assert await reader.value("SELECT count(*) FROM contact_methods WHERE verified_at IS NOT NULL") == 1


async def test_a_token_lasts_an_hour_and_ends_with_the_next(db: Database, clock: Any) -> None:
    """A restart prints a new link and the old one is dead; only a hash is stored."""
    first = await issue(db)
    second = await issue(db)
    assert first is not None
    assert second is not None
    async with db.read() as reader:
        assert not await setup.is_open(reader, first)
        assert await setup.is_open(reader, second)
        assert second not in str(await reader.value("SELECT value FROM settings"))
    clock.advance(HOUR)
    with pytest.raises(NotFound):
        await complete(db, second)


async def test_commands_need_no_browser(db: Database) -> None:
    """A person added by a command belongs to an organization that the command made, and ends the set-up."""
    token = await issue(db)
    assert token is not None
    async with db.transaction() as tx:
        organization = await setup.ensure_organization(tx)
        user = await users.create(tx, email="a@example.org", name="A", role=Role.OWNER)
    assert user.organization_id == organization.id
    async with db.transaction() as tx:
        assert (await setup.ensure_organization(tx)).id == organization.id
    with pytest.raises(NotFound):
        await complete(db, token)


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize("people", [1, 2, 5])
async def test_a_preset_leaves_no_hour_without_somebody(db: Database, preset: str, people: int) -> None:
    """For a week, at every hour, some schedule of the policy has somebody on call."""
    cast: Cast = await make.cast(db)
    members = [cast.alice, cast.bob, cast.charlie]
    members += [await make.user(db, cast.organization, f"User{number}") for number in range(2)]
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        made = await presets.apply(
            tx,
            preset,
            team_name="Platform",
            service_name="Shop",
            member_ids=[member.id for member in members[:people]],
            timezone="Europe/Berlin",
        )
    assert made.service.escalation_policy_id == made.policy.policy.id
    assert len(made.key) == 43
    seen = set()
    async with db.read() as reader:
        for hour in range(1, 7 * 24):
            answers = await schedules.who_is_on_call(
                reader, [each.id for each in made.schedules], reader.now + hour * HOUR
            )
            on = schedules.people_of(answers.values())
            assert on, f"nobody after {hour} h"
            seen |= on
        later = await schedules.who_is_on_call(
            reader, [each.id for each in made.schedules], reader.now + 8 * DAY
        )
    seen |= schedules.people_of(later.values())
    assert len(seen) >= min(people, 2)


async def test_a_preset_for_nobody_or_unknown_is_refused(db: Database) -> None:
    """An on-call duty without people is a page into the void."""
    cast = await make.cast(db)
    for preset, members in (
        ("one_team_weekly", []),
        ("no_such", [cast.alice.id]),
        ("follow_the_sun", ["nobody"]),
    ):
        with pytest.raises(Invalid):
            async with db.transaction(make.actor(cast.alice)) as tx:
                await presets.apply(
                    tx,
                    preset,
                    team_name="P",
                    service_name="S",
                    member_ids=members,
                    timezone="UTC",
                )
    async with db.read() as reader:
        assert await reader.value("SELECT count(*) FROM teams") == 1
