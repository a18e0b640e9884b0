"""Certificates of addresses that teams have named: which those are, which are to be looked at, and whose end soon."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain.access import SYSTEM, Actor, Permission, can
from openalert.domain.certificate import SOON, Certificate, CertificateState
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.storage import certificates, channels, outgoing_webhooks, status_pages
from openalert.storage.certificates import Door, Seen
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.portions import every

EVERY = DAY
SOONER = 4 * HOUR
"""While one has ended or is about to, so that a warning goes soon after it was renewed."""
AT_ONCE = 20
"""So many of those that are due are looked at in one go, the longest ago first; the others next time."""
MOST_FORGOTTEN = 100
_POSTED_TO = ("webhook", "teams")
"""Kinds of channels whose address is one of the web."""


class What(StrEnum):
    """What has such an address."""

    CHANNEL = "channel"
    OUTGOING_WEBHOOK = "outgoing_webhook"
    STATUS_PAGE = "status_page"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of a team or an organization, and the door that its address leads to."""

    what: What
    id: str
    name: str
    organization_id: str
    team_id: str | None
    """None: of the organization."""
    door: Door


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A thing whose certificate ends soon, or has ended."""

    named: Named
    certificate: Certificate


class ToDo(msgspec.Struct, frozen=True, kw_only=True):
    """Doors to go to; a portion of each, the rest comes next time."""

    due: Sequence[Door]
    """The next few that nobody has looked at for a day, or ever."""
    gone: Sequence[Door]
    """Some of those that nobody names any more."""


async def named(reader: Reader, actor: Actor) -> list[Named]:
    """All that the actor sees, is switched on and is reached by TLS; several may share a door."""
    found: list[Named] = []
    for each in await every(partial(channels.page, reader, actor), _id):
        if each.is_enabled and each.type in _POSTED_TO:
            found += _named(What.CHANNEL, each, each.config.get("url"))
    if can(actor, Permission.CONFIGURE, None):
        for hook in await every(partial(outgoing_webhooks.page, reader, actor), _id):
            if hook.is_enabled:
                found += _named(What.OUTGOING_WEBHOOK, hook, hook.url)
    for page in await every(partial(status_pages.listed, reader, actor), _id):
        if page.custom_domain and page.is_public:
            found += _named(What.STATUS_PAGE, page, f"https://{page.custom_domain}")
    return found


async def to_do(reader: Reader) -> ToDo:
    """What the engine has to look at now, and to forget."""
    known = {each.door: each for each in await certificates.every(reader)}
    doors = {each.door for each in await named(reader, SYSTEM)}
    waiting = [door for door in doors if door not in known or _is_due(known[door], reader.now)]
    waiting.sort(key=lambda door: (known[door].looked_at if door in known else 0, door))
    return ToDo(due=waiting[:AT_ONCE], gone=[door for door in known if door not in doors][:MOST_FORGOTTEN])


async def keep(tx: Transaction, seen: Sequence[Seen], gone: Sequence[Door]) -> None:
    """What was seen now, and that some are no longer wanted."""
    await certificates.put(tx, seen)
    await certificates.forget(tx, gone)


async def ending(reader: Reader, actor: Actor) -> list[Ending]:
    """Of what the actor sees: whose certificate ends soon. Nothing is read where none does."""
    soon = {each.door: each for each in await certificates.ending(reader, reader.now + SOON)}
    if not soon:
        return []
    return [
        Ending(named=each, certificate=_certificate(soon[each.door], each.what))
        for each in await named(reader, actor)
        if each.door in soon
    ]


def _is_due(seen: Seen, now: Instant) -> bool:
    state = _certificate(seen).state(now)
    hurries = state in (CertificateState.VERY_SOON, CertificateState.ENDED)
    return not 0 <= now - seen.looked_at < (SOONER if hurries else EVERY)


def _certificate(seen: Seen, use: str = "") -> Certificate:
    return Certificate(
        use=use,
        words="",
        where=f"{seen.host}:{seen.port}",
        looked_at=seen.looked_at,
        starts_at=seen.starts_at,
        ends_at=seen.ends_at,
    )


def _named(what: What, thing: Any, url: object) -> Iterator[Named]:
    door = door_of(url) if isinstance(url, str) else None
    if door is not None:
        yield Named(
            what=what,
            id=thing.id,
            name=thing.name,
            organization_id=thing.organization_id,
            team_id=getattr(thing, "team_id", None),
            door=door,
        )


def door_of(url: str) -> Door | None:
    """The host and port that an address of the web leads to; None where it is not encrypted, or is no address."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port or 443
    except ValueError:
        return None
    return (host, port) if parts.scheme == "https" and host else None


def _id(thing: Any) -> str:
    return str(thing.id)
