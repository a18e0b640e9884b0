"""One node looks at certificates now and then, all of them know what it saw, and people hear before one ends."""

from typing import Any

import pytest

from openalert import telemetry
from openalert.config import Config
from openalert.domain.access import SYSTEM
from openalert.domain.certificate import Certificate
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from openalert.domain.severity import Severity
from openalert.domain.warning import Finding, WarningKind
from openalert.engine.certificates import Certificates
from openalert.notifiers.certificates import Begins, Place
from openalert.usecases import certificates, warning_installation, warnings
from tests.cast import World

pytestmark = [pytest.mark.anyio, pytest.mark.proves("F-48")]
PEOPLE = Place(
    use="base_url", words="the address for people and senders", host="oncall.example.org", port=443
)
MAIL = Place(use="smtp", words="the mail server", host="mail.example", port=587, begins=Begins.SMTP)


class Seer:
    """Looks as a test says, and counts its looks."""

    def __init__(self, world: World, **ends: Instant) -> None:
        self.world, self.ends = world, ends
        self.looks = 0
        self.problem = ""

    async def look(self, place: Place, now: Instant) -> Certificate:
        """The certificate of this use, of a life of ninety days."""
        self.looks += 1
        end = None if self.problem else self.ends[place.use]
        return Certificate(
            use=place.use,
            words=place.words,
            where=place.where,
            looked_at=now,
            starts_at=None if end is None else end - 90 * DAY,
            ends_at=end,
            problem=self.problem,
        )

    def watching(self, *places: Place, leads: bool = True) -> Certificates:
        """A node that looks by these eyes."""
        return Certificates(self.world.db, places or (PEOPLE, MAIL), lambda: leads, self.look)


async def _found(world: World) -> list[Finding]:
    outlook = await warnings.look(world.db, SYSTEM, {}, warning_installation.of(Config()))
    return [each for each in outlook.findings if each.kind is WarningKind.CERTIFICATE_ENDS]


def _metric(use: str) -> Any:
    return telemetry.registry.get_sample_value("openalert_certificate_expiry_timestamp_seconds", {"use": use})


async def test_people_hear_before_one_ends(world: World) -> None:
    """Nothing, then two weeks, three days, the end: each more urgent, with who is to renew it; renewed, it is quiet."""
    now = world.clock()
    seer = Seer(world, base_url=now + 15 * DAY, smtp=now + 80 * DAY)
    node = seer.watching()
    await node.step()
    assert await _found(world) == []
    assert _metric("base_url") == (now + 15 * DAY) / SECOND
    told = []
    for days in (2, 10, 3):
        world.clock.advance(days * DAY)
        await node.step()
        (finding,) = await _found(world)
        told.append((finding.severity, finding.words))
    people = "The certificate of the address for people and senders"
    assert told == [
        (Severity.MEDIUM, f"{people} ends soon"),
        (Severity.HIGH, f"{people} is about to end"),
        (Severity.CRITICAL, f"{people} has ended"),
    ]
    assert "Renew it." in finding.detail
    seer.ends["base_url"] = world.clock() + 90 * DAY
    world.clock.advance(HOUR)
    await node.step()
    assert await _found(world) == []


async def test_that_of_somebody_else_is_for_them_to_renew(world: World) -> None:
    """High once it has ended: people with other ways are reached by those."""
    seer = Seer(world, smtp=world.clock() - MINUTE)
    await seer.watching(MAIL).step()
    (finding,) = await _found(world)
    assert (finding.severity, finding.link) == (Severity.HIGH, "/settings/system#certificates")
    assert "mail.example:587" in finding.detail
    assert "Tell whoever runs that server." in finding.detail


@pytest.mark.parametrize("use", ["base_url", "mail_in", "postgres_client"])
async def test_that_of_ours_is_for_us_to_renew(world: World, use: str) -> None:
    """By which people and senders, mail servers and Postgres know this server."""
    seer = Seer(world, **{use: world.clock() + DAY})
    await seer.watching(Place(use=use, words="this server", file="/own.pem")).step()
    (finding,) = await _found(world)
    assert finding.detail.endswith("Renew it.")


async def test_looks_are_few_and_more_where_one_ends_soon(world: World) -> None:
    """Four a day, one an hour while one ends soon or cannot be looked at, at once where the configuration changed."""
    seer = Seer(world, base_url=world.clock() + 60 * DAY, smtp=world.clock() + 60 * DAY)
    node = seer.watching()
    for _ in range(12):
        await node.step()
        world.clock.advance(5 * MINUTE)
    assert seer.looks == 2
    world.clock.advance(5 * HOUR)
    await node.step()
    assert seer.looks == 4
    await seer.watching(PEOPLE).step()
    assert seer.looks == 5
    assert _metric("smtp") is None
    seer.ends["base_url"] = world.clock() + 10 * DAY
    world.clock.advance(6 * HOUR)
    await seer.watching(PEOPLE).step()
    world.clock.advance(HOUR)
    await seer.watching(PEOPLE).step()
    assert seer.looks == 7


async def test_what_was_known_stands_while_it_cannot_be_looked_at(world: World) -> None:
    """A server that does not answer has not renewed its certificate by that."""
    seer = Seer(world, base_url=world.clock() + 60 * DAY, smtp=world.clock() + 9 * DAY)
    node = seer.watching()
    await node.step()
    seer.problem = "nobody answers"
    world.clock.advance(7 * DAY)
    await node.step()
    async with world.db.read() as reader:
        (_, mail) = await certificates.known(reader)
    assert mail.problem == "nobody answers"
    assert [each.severity for each in await _found(world)] == [Severity.HIGH]


async def test_another_node_looks_at_nothing_and_knows_the_same(world: World) -> None:
    """What the leader saw is its metric too."""
    seer = Seer(world, base_url=world.clock() + 60 * DAY, smtp=world.clock() + 70 * DAY)
    await seer.watching(leads=False).step()
    assert seer.looks == 0
    await seer.watching().step()
    telemetry.CERTIFICATE.clear()
    await seer.watching(leads=False).step()
    assert seer.looks == 2
    assert _metric("smtp") == (world.clock() + 70 * DAY) / SECOND
