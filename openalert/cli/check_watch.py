"""What `openalert check` says of `[watch]`: whether this host could wake anybody when the other server is silent."""

import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openalert.config import Config
from openalert.domain.instant import SECOND, Instant

if TYPE_CHECKING:
    from openalert.domain.watcher import Called, Snapshot, Word

Finding = tuple[str, bool | None, str]
"""As in `check`."""
NAME = "watch"
MOST_NAMED = 5
Local = Callable[[str], bool]


def only_watches(config: Config) -> bool:
    """Whether this host serves nothing: `[watch]` names another server, and there is no database of ours."""
    from openalert.storage import sqlite_file

    file = sqlite_file(config.database_url)
    return bool(config.watch.url) and file is not None and not file.exists()


def is_this_machine(host: str) -> bool:
    """Whether any address of this name is one of our own."""
    try:
        found = {each[4][0] for each in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)}
    except (OSError, UnicodeError):
        return False
    return any(_is_ours(str(address)) for address in found)


def _is_ours(address: str) -> bool:
    """The system lets nobody listen on an address of another machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


async def findings(config: Config, is_local: Local = is_this_machine) -> AsyncIterator[Finding]:
    """Nothing where nothing is watched from here."""
    own = config.watch
    if not own.url and not own.key:
        return
    if not own.url or not own.key:
        lacks = (
            "watch.url: what is to be watched"
            if not own.url
            else "watch.key_file: the key made for this watcher"
        )
        yield NAME, False, f"lacks {lacks}. The page System of the other server makes both"
        return
    parts = urlsplit(own.url)
    here = is_local(parts.hostname or "")
    if here:
        yield (
            NAME,
            False,
            f"{own.url} is this very machine: what stops the one stops the other. Watch from another host",
        )
    elif parts.scheme == "http":
        words = "is not encrypted: whoever reads along has the key and people's addresses. Use https://"
        yield NAME, False, f"{own.url} {words}"
    word = None
    async for finding, said in _asked(config):
        word = word or said
        yield finding
    if word is not None and word.snapshot is not None:
        for finding in _callable(config, word.snapshot, word.at):
            yield finding
    yield await _references(config)


async def _asked(config: Config) -> "AsyncIterator[tuple[Finding, Word | None]]":
    """What the other server answers: that it knows the key, what it says of itself, and what its clock says."""
    from openalert.domain.absence import Sight
    from openalert.notifiers.configured import outgoing_settings
    from openalert.notifiers.watched import Watched
    from openalert.storage import wall_clock

    own = config.watch
    watched = Watched(own.url, own.key, outgoing_settings(config))
    begun = wall_clock()
    try:
        look, word = await watched.snapshot()
    finally:
        await watched.close()
    ended = wall_clock()
    if look.sight is Sight.REFUSED:
        yield (
            (NAME, False, f"{own.url}: {look.words} Make a key with the scope watch on its page System"),
            None,
        )
    elif word is None or word.snapshot is None:
        yield (NAME, False, f"{own.url} does not answer as OpenAlert does. {look.words}"), None
    elif word.would_page is False:
        yield (NAME, False, f"{own.url} says that it might page nobody. {' '.join(word.troubles)}"), word
    else:
        until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(word.snapshot.until / SECOND))
        yield (
            (NAME, True, f"{own.url} answers, knows the key, and says who is on call until {until} UTC"),
            word,
        )
    if word is not None:
        yield _clock(word.at, begun, ended), None


def _clock(there: Instant, begun: Instant, ended: Instant) -> Finding:
    """The other's clock beside ours: its word was said between `begun` and `ended`."""
    from openalert.engine.watch_pages import CLOCKS_DIFFER

    name = f"{NAME}: clock"
    ahead = max(there - ended, 0) or min(there - begun, 0)
    if abs(ahead) <= CLOCKS_DIFFER:
        return (
            name,
            True,
            f"the other's is {abs(ahead) / SECOND:.0f} s off ours at most" if ahead else "both agree",
        )
    direction = "ahead of" if ahead > 0 else "behind"
    words = f"the other's is {abs(ahead) // SECOND} s {direction} ours: one of them is wrong"
    return name, False, f"{words}. Who is on call goes by the other's; let a time service keep both"


def _callable(config: Config, snapshot: "Snapshot", at: Instant) -> Iterator[Finding]:
    """Whether whoever would be called now can be reached by what is set up on this host."""
    from openalert.domain.absence import usable
    from openalert.domain.contact import CONTACT_KINDS
    from openalert.domain.watcher import NOT_FROM_AFAR, calls
    from openalert.usecases.channel_states import missing

    own, name = config.watch, f"{NAME}: people"
    unknown = sorted(set(own.teams) - {each.slug for each in snapshot.teams})
    if unknown:
        yield name, False, f"watch.teams names {', '.join(map(shown, unknown))}, which the key does not show"
    unset = missing(config)
    channels = [each for each in CONTACT_KINDS if each not in unset and each not in NOT_FROM_AFAR]
    first, further = calls(snapshot, at, own.teams)
    everybody: list[Called] = [*first, *further]
    lost = [each.person.name for each in everybody if not usable(each.person, channels)]
    if not everybody:
        yield name, False, "nobody is on call there, and it has no owners: whom should this host call?"
    elif len(lost) == len(everybody):
        ways = ", ".join(channels) or "none"
        yield (
            name,
            False,
            f"none of {len(everybody)} can be reached from here by what is set up here ({ways})",
        )
    elif lost:
        names = ", ".join(map(shown, lost[:MOST_NAMED])) + (" and others" if len(lost) > MOST_NAMED else "")
        yield name, None, f"cannot be reached from here: {names}. openalert watch --who says by what they can"
    else:
        count = len(everybody)
        yield (
            name,
            True,
            f"{'the one' if count == 1 else f'all {count}'} whom it would call can be reached from here",
        )


async def _references(config: Config) -> Finding:
    """Whether a fault of this host's own network would be told from a silence of the server."""
    from openalert.notifiers.watched import References

    name, places = f"{NAME}: references", config.watch.references
    if not places:
        words = "none: a fault of this host's network is told from the server's by the mail server alone"
        return (
            name,
            None,
            words if config.smtp.host else "none, so a fault of this host's network wakes people",
        )
    silent = [each for each in places if not await References([each]).answer()]
    if len(silent) == len(places):
        return (
            name,
            False,
            f"none of them takes a connection ({', '.join(silent)}): this host would call nobody",
        )
    if silent:
        return name, None, f"{', '.join(silent)} takes no connection; the others do"
    return name, True, "all of them take connections"


def shown(words: str) -> str:
    """Names come from people: nothing of them acts on a terminal."""
    return "".join(each if each.isprintable() else " " for each in words)
