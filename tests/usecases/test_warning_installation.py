"""Warnings of what the installation lacks: who notices when it is gone, whom nobody reaches, where backups lie."""

from typing import Any

import msgspec
import pytest

from openalert.config import Config, DatabaseSection
from openalert.config.sections import Backup, LastResort, SelfMonitor
from openalert.domain.access import SYSTEM, Actor, Role
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.domain.switch_proof import HOLDS_FOR, Outcome, switch_of
from openalert.domain.user import ApiKey
from openalert.domain.warning import Finding, WarningKind
from openalert.engine import weekly_reports as engine
from openalert.usecases import switch_proofs, warning_installation, warnings
from tests import make
from tests.cast import World

pytestmark = pytest.mark.anyio
URL = "https://switch.example/ping"
WHOLE = warning_installation.of(
    Config(
        self_monitor=SelfMonitor(url=URL),
        last_resort=LastResort(mail_to=("boss@example.org",)),
        backup=Backup(command=("carry",)),
    )
)
"""Nothing is left out."""
OURS = {
    WarningKind.NO_SWITCH,
    WarningKind.SWITCH_UNPROVEN,
    WarningKind.NO_LAST_RESORT,
    WarningKind.NO_BACKUP,
    WarningKind.BACKUP_ONLY_HERE,
    WarningKind.KEY_ENDS,
    WarningKind.SERVICE_UNUSED,
}


async def found(world: World, installation: Any, actor: Actor = SYSTEM) -> list[Finding]:
    """Those of this file."""
    outlook = await warnings.look(world.db, actor, {}, installation)
    return [each for each in outlook.findings if each.kind in OURS]


async def kinds(world: World, installation: Any, actor: Actor = SYSTEM) -> list[WarningKind]:
    """The same by kind."""
    return [each.kind for each in await found(world, installation, actor)]


async def tried(world: World, outcome: Outcome) -> None:
    """The switch was proven, with this end."""
    async with world.db.transaction() as tx:
        await switch_proofs.begin(tx, switch_of(URL), 5)
    async with world.db.transaction() as tx:
        await switch_proofs.answer(tx, switch_of(URL), outcome)


async def test_a_fresh_configuration_is_told_what_it_lacks(world: World) -> None:
    """Each medium, so that the weekly report has it; none where nobody asks; Postgres has backups of its own."""
    assert await kinds(world, warning_installation.of(Config())) == [
        WarningKind.NO_SWITCH,
        WarningKind.NO_LAST_RESORT,
        WarningKind.BACKUP_ONLY_HERE,
    ]
    assert {each.severity for each in await found(world, warning_installation.of(Config()))} == {
        Severity.MEDIUM
    }
    assert await kinds(world, None) == []
    off = Config(backup=Backup(enabled=False), self_monitor=SelfMonitor(url=URL, canary=False))
    assert await kinds(world, warning_installation.of(off)) == [
        WarningKind.NO_BACKUP,
        WarningKind.NO_SWITCH,
        WarningKind.NO_LAST_RESORT,
    ]
    postgres = Config(database=DatabaseSection(url="postgresql://u@h/d"), backup=Backup(enabled=False))
    assert await kinds(world, warning_installation.of(postgres)) == [
        WarningKind.NO_SWITCH,
        WarningKind.NO_LAST_RESORT,
    ]


@pytest.mark.proves("SM-1")
async def test_a_switch_nags_until_it_is_proven_and_again_after_ninety_days(world: World) -> None:
    """Never proven; proven; not heard when it was tried; proven too long ago; another address."""
    assert await kinds(world, WHOLE) == [WarningKind.SWITCH_UNPROVEN]
    await tried(world, Outcome.CAME)
    assert await kinds(world, WHOLE) == []
    world.clock.advance(DAY)
    await tried(world, Outcome.STOPPED)
    assert await kinds(world, WHOLE) == [], "who stops it has learned nothing"
    await tried(world, Outcome.MISSED)
    assert "did not complain" in (await found(world, WHOLE))[0].words
    await tried(world, Outcome.CAME)
    world.clock.advance(HOLDS_FOR + MINUTE)
    assert "more than 90 days ago" in (await found(world, WHOLE))[0].words
    await tried(world, Outcome.CAME)
    other = msgspec.structs.replace(WHOLE, switch=switch_of("https://elsewhere.example/"))
    assert "never proven" in (await found(world, other))[0].words


async def test_it_is_for_admins_alone(world: World) -> None:
    """Who owns a team cannot mend it, and is not told."""
    owner = make.actor(world.bob, world.core)
    assert await kinds(world, warning_installation.of(Config()), owner) == []


async def test_a_key_in_use_that_ends_soon_is_told(world: World) -> None:
    """Not one that nobody uses, is revoked, ends later, or never."""

    async def key(name: str, ends: int | None, used: int | None = 0, *, revoked: bool = False) -> None:
        async with world.db.transaction() as tx:
            await tx.insert(
                "api_keys",
                ApiKey(
                    id=new_id(tx.now),
                    organization_id=world.cast.organization.id,
                    name=name,
                    role=Role.MEMBER,
                    secret_hash="-",
                    created_at=tx.now,
                    expires_at=None if ends is None else tx.now + ends,
                    last_used_at=None if used is None else tx.now - used,
                    revoked_at=tx.now if revoked else None,
                ),
            )

    await key("terraform", 3 * DAY, HOUR)
    await key("forgotten", 3 * DAY, 40 * DAY)
    await key("never used", 3 * DAY, None)
    await key("revoked", 3 * DAY, revoked=True)
    await key("later", 30 * DAY)
    await key("for ever", None)
    await key("over", -HOUR)
    (ending,) = await found(world, None)
    assert (ending.words, ending.severity) == ("The API key terraform ends, and is in use", Severity.MEDIUM)
    assert ending.at == world.clock() + 3 * DAY


async def test_a_service_that_nothing_comes_in_for_is_a_hint(world: World) -> None:
    """After ninety days; one with an integration, or with an incident since, is not meant."""
    await world.policy(make.level(1, world.alice))
    empty = await make.service(world.db, world.core, name="Empty")
    assert await kinds(world, None) == []
    world.clock.advance(91 * DAY)
    (unused,) = await found(world, None)
    assert (unused.subject_id, unused.severity) == (empty.id, Severity.LOW)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE integrations SET deleted_at = :now", now=tx.now)
    assert {each.subject for each in await found(world, None)} == {"Empty", "Database"}


async def test_the_weekly_report_has_them(world: World) -> None:
    """Mailed to the owners of the organization on Monday, with what to do."""
    lacking = warning_installation.of(Config())
    await engine.run_due(world.db, {}, lacking)
    world.clock.now = await world.value("SELECT min(due_at) FROM weekly_reports")
    await engine.run_due(world.db, {}, lacking)
    await world.engine.run_until_idle()
    told = world.mailbox(world.alice).got("", NotificationKind.DIGEST)
    assert "Nobody notices when this server is gone" in [point.words for point in told.points]
    assert "Nobody hears of it when nobody can be reached" in [point.words for point in told.points]
