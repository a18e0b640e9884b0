"""/heartbeats/{key}: a beat comes in by GET, HEAD or POST, `OK` goes out after its commit.

An ASGI application of its own, beside Litestar, as for webhooks. What follows the key says what the beat means, as
people know it from healthchecks.io: nothing or `0` a success, `start`, `fail` or another exit code, `log`. Whoever
sends once a day and does not try again must not be refused for what it brings along, so a body that is too long or
never ends costs its rest, not the beat.
"""

import hashlib

import structlog

from openalert import telemetry
from openalert.domain.errors import NotFound, OpenAlertError, TooLarge, Unavailable
from openalert.domain.heartbeat import EXIT_CODES, KEPT_BODY, BeatKind
from openalert.storage import heartbeats
from openalert.storage.database import Database
from openalert.storage.standstill import MAY_BE_DONE, within
from openalert.usecases import beats
from openalert.usecases.heartbeat_alerts import Told
from openalert.web.asgi import Receive, Scope, Send
from openalert.web.problems import Refused

log = structlog.get_logger(__name__)

PREFIX = "/heartbeats/"
KEYS_REMEMBERED = 10_000
LONGEST_WAIT = 5.0
"""Seconds until a sender is told to come again (promise IN-2); if it was taken in after all, that is one beat more."""
_METHODS = ("GET", "HEAD", "POST")
_KINDS = {
    "": BeatKind.SUCCESS,
    "start": BeatKind.START,
    "fail": BeatKind.FAIL,
    "log": BeatKind.LOG,
}


class Heartbeats:
    """The ASGI application below /heartbeats/."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # As in `webhooks`: a hint that saves a look-up; the transaction that takes the beat in decides.
        self._good: dict[str, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One beat."""
        key_hash, kind, exit_code = _parts(scope["path"])
        if scope["method"] not in _METHODS:
            raise Refused(
                405, "A beat is a GET, HEAD or POST.", code="METHOD_NOT_ALLOWED", allow=list(_METHODS)
            )
        if key_hash not in self._good:
            await self._look_up(key_hash)
        body = await _body(receive) if scope["method"] == "POST" else b""
        told = Told(kind=kind, exit_code=exit_code, body=_text(body))
        if not await self._hear(key_hash, told):
            self._good.pop(key_hash, None)
            raise NotFound("heartbeat")
        telemetry.BEATS.labels(kind.value).inc()
        answer = b"" if scope["method"] == "HEAD" else b"OK"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    async def _hear(self, key_hash: str, told: Told) -> bool:
        """Take the beat in; returns after the commit, with whether the key is known."""
        try:
            with within(LONGEST_WAIT):
                return await self._database.act(lambda tx: beats.hear_by_key(tx, key_hash, told)) is not None
        except OpenAlertError as error:
            if error.code == MAY_BE_DONE:
                raise self._database.standstill.delay() from None
            raise
        except Exception as error:
            # A fault of ours must not cost the sender its beat: 503 makes it come again.
            log.exception("beat broke")
            raise Unavailable(
                f"The beat could not be taken in ({type(error).__name__}).", retry_after=10
            ) from None

    async def _look_up(self, key_hash: str) -> None:
        """Refuse an unknown key without a turn at the writer."""
        async with self._database.read() as reader:
            found = await heartbeats.by_key_hash(reader, key_hash)
        if found is None:
            raise NotFound("heartbeat")
        if len(self._good) >= KEYS_REMEMBERED:
            self._good.clear()
        self._good[key_hash] = None


def _parts(path: str) -> tuple[str, BeatKind, int | None]:
    """The hash of the key, and what the rest of the path says; NotFound when that is nothing that we know."""
    key, _, rest = path[len(PREFIX) :].partition("/")
    word = rest.removesuffix("/")
    if key and word in _KINDS:
        return _hash(key), _KINDS[word], None
    if key and word.isascii() and word.isdigit() and len(word) <= 3 and int(word) in EXIT_CODES:
        code = int(word)
        return _hash(key), BeatKind.FAIL if code else BeatKind.SUCCESS, code
    raise NotFound("heartbeat")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


async def _body(receive: Receive) -> bytes:
    """The first 10 KiB of the body; the rest is read, as long as the middleware lets it, and forgotten."""
    kept = b""
    try:
        while True:
            message = await receive()
            if len(kept) < KEPT_BODY:
                kept += message.get("body", b"")[: KEPT_BODY - len(kept)]
            if not message.get("more_body"):
                return kept
    except TooLarge:
        return kept
    except Refused as error:
        if (
            error.status == 408 or error.code == "DISCONNECTED"
        ):  # it did not arrive in time, or not to its end
            return kept
        raise


def _text(body: bytes) -> str:
    """The body as text that every database takes; what is no UTF-8 is replaced."""
    return body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}").strip()
