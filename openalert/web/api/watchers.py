"""JSON `/watch`: what a watcher on another host asks, and is answered in words that only this server can sign."""

from typing import Annotated, TypeAlias

from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant
from openalert.domain.watcher import NONCE, is_nonce, signature, written
from openalert.storage.database import Database
from openalert.usecases import watchers
from openalert.web.api.wire import READS, Output
from openalert.web.guards import Credential
from openalert.web.watching import Watch, watch_of

_MOST_NOTED = 1_000
Nonce: TypeAlias = Annotated[
    str,
    QueryParameter(
        name="nonce", description="A word of the asker's own, made for this question alone.", pattern=NONCE
    ),
]


class SignedWordOut(Output):
    """What the server says, as the text that is signed."""

    word: str
    signature: str


class Noted:
    """Who has read addresses today: it stands in the audit log once a day for each key and place."""

    def __init__(self) -> None:
        self._read: dict[tuple[str | None, str], Instant] = {}

    def is_due(self, actor: Actor, now: Instant) -> bool:
        """Whether this reading is to be written down."""
        at = self._read.get((actor.id, actor.address))
        return at is None or now - at >= DAY

    def done(self, actor: Actor, now: Instant) -> None:
        """It was."""
        if len(self._read) >= _MOST_NOTED:
            self._read.clear()
        self._read[(actor.id, actor.address)] = now


@get("/alive", responses=READS, opt={"watcher": True})
async def get_alive(
    request: Request[object, object, State],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    nonce: Nonce,
) -> SignedWordOut:
    """That the server is there, and whether an alert arriving now would page; signed."""
    watch, server = _asked(request, nonce)
    word = await watchers.alive(db, actor, nonce, server, watch.standing if watch else None)
    return _signed(request, written(word))


@get("/snapshot", responses=READS, opt={"watcher": True})
async def get_snapshot(
    request: Request[object, object, State],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    nonce: Nonce,
) -> SignedWordOut:
    """The same with who is on call in the coming seven days and how they are reached; signed.

    That a key was used for this stands in the audit log, once a day for each address that asks.
    """
    watch, server = _asked(request, nonce)
    text = await watchers.snapshot(db, actor, nonce, server, watch.standing if watch else None)
    noted: Noted = request.app.state.watchers_noted
    if noted.is_due(actor, now := db.clock()):
        async with db.transaction(actor) as tx:
            watchers.note_reading(tx)
        noted.done(actor, now)
    return _signed(request, text)


def _asked(request: Request[object, object, State], nonce: str) -> tuple[Watch | None, str]:
    if not is_nonce(nonce):
        raise Invalid("nonce must have 16 to 64 letters, digits, - or _.", field="nonce")
    return watch_of(request), request.app.state.config.base_url


def _signed(request: Request[object, object, State], text: str) -> SignedWordOut:
    credential: Credential = request.scope["credential"]  # type: ignore[typeddict-item]  # the guard's
    return SignedWordOut(word=text, signature=signature(text, credential.text))


routes = Router(path="/watch", tags=["watchers"], route_handlers=[get_alive, get_snapshot])
