"""Request to Actor: a session cookie or an API key, never anything in the address.

Everything is closed unless its route says `opt={"public": True}`. A key that watches opens what says
`opt={"watcher": True}`, which nothing else opens, and is unknown everywhere else. What is about passwords
(`opt={"password": True}`) does not exist where everybody signs in by single sign-on. What a session cookie may change,
a foreign page may not make it change: the browser's own word about where the request comes from decides
(Sec-Fetch-Site, Origin).
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from openalert.config import Config
from openalert.domain.access import Actor
from openalert.domain.access import stranger as unknown_actor
from openalert.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unavailable, Unsupported
from openalert.domain.instant import Instant
from openalert.domain.links_back import LinksBack
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import api_keys, signin
from openalert.usecases.signin import SignedIn
from openalert.web.asgi import Scope, header
from openalert.web.ratelimit import RateLimit, Shared

_OF_ADDRESSES = "%/:?#[]@!$&'()*+,;=~"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_CREDENTIAL = 512
ASK_AGAIN_AFTER = 1.0
"""Seconds that a body may take before it is asked again whose it is, as often as of a WebSocket."""


class Credential(msgspec.Struct, frozen=True):
    """What somebody showed: the text of a session token or of an API key."""

    kind: str
    """`session` or `key`."""
    text: str

    def __repr__(self) -> str:
        """Never the text."""
        return f"<{self.kind}>"


class Access:
    """Who is asking, and may a browser be sent here by whoever sent it."""

    def __init__(self, database: Database, config: Config, shared: Shared | None = None) -> None:
        """`shared` counts over all nodes."""
        self.database = database
        self.writes = RateLimit(config.server.api_writes_per_minute, name="writes", shared=shared)
        self.departures = RateLimit(60, name="departures", shared=shared)
        """To the identity provider, by each network: every one is a row."""
        self.calendars = RateLimit(300, name="calendars", shared=shared)
        """Readings of secret links, by each network: offices and the large calendar services share one."""
        self.watchers = RateLimit(120, name="watchers", shared=shared)
        """Questions of each watcher, which has to ask some times a minute."""
        self.cookie = "__Host-openalert" if config.is_https else "openalert_session"
        """The name of the session cookie; with TLS the browser itself holds it to this host."""
        self.is_https = config.is_https
        self._origins = set(config.server.allowed_origins)
        self._base_url = config.server.base_url
        if self._base_url:
            self._origins.add(self._base_url)
        self._touching: set[asyncio.Task[None]] = set()

    def credential(self, scope: Scope) -> Credential | None:
        """An `Authorization: Bearer` before the cookie; None when neither is there."""
        scheme, _, text = header(scope, b"authorization").partition(" ")
        if scheme.lower() == "bearer" and text.strip():
            return Credential("key", text.strip())
        for part in header(scope, b"cookie").split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.cookie and value:
                return Credential("session", value)
        return None

    async def find(
        self, reader: Reader, credential: Credential, *, watching: bool = False
    ) -> SignedIn | None:
        """Whose it is at this moment; `watching`: of keys that watch, which are nobody's otherwise."""
        if len(credential.text) > LONGEST_CREDENTIAL:
            return None
        if credential.kind == "session":
            return None if watching else await signin.find_session(reader, credential.text)
        return await (api_keys.find_watcher if watching else api_keys.find)(reader, credential.text)

    async def find_all(
        self, reader: Reader, credentials: Sequence[Credential]
    ) -> dict[Credential, SignedIn | None]:
        """As `find` for many, in two questions to the database."""
        shown = [each for each in credentials if len(each.text) <= LONGEST_CREDENTIAL]
        sessions = [each.text for each in shown if each.kind == "session"]
        keys = [each.text for each in shown if each.kind != "session"]
        opened = await signin.find_sessions(reader, sessions) if sessions else {}
        unlocked = await api_keys.find_all(reader, keys) if keys else {}
        return {each: (opened if each.kind == "session" else unlocked).get(each.text) for each in credentials}

    async def identify(self, credential: Credential, *, watching: bool = False) -> Actor | None:
        """Whose it is; the use is written down beside the request, at most once a minute."""
        async with self.database.read() as reader:
            found = await self.find(reader, credential, watching=watching)
        if found is None:
            return None
        if found.is_stale:
            task = asyncio.create_task(self._touch(credential, found.actor), name="touch credential")
            self._touching.add(task)
            task.add_done_callback(self._touching.discard)
        return found.actor

    async def finish(self) -> None:
        """Wait for what is still being written down."""
        await asyncio.gather(*self._touching)

    async def _touch(self, credential: Credential, actor: Actor) -> None:
        # A full disk must not sign anybody out.
        with suppress(Unavailable):
            async with self.database.transaction(actor) as tx:
                if credential.kind == "session":
                    await signin.touch_session(tx, credential.text)
                elif actor.id is not None:
                    await api_keys.touch(tx, actor.id)

    def is_own_origin(self, scope: Scope) -> bool:
        """Whether the Origin is that of our own pages: base_url exactly, or without one, the host asked for."""
        origin = header(scope, b"origin")
        if origin in self._origins:
            return True
        if self._base_url or origin in ("", "null"):
            return False
        scheme = "https" if scope.get("scheme") in ("https", "wss") else "http"
        return origin.lower() == f"{scheme}://{header(scope, b'host').lower()}"

    def refuse_foreign_pages(self, scope: Scope) -> None:
        """Forbidden when a browser says that another site's page sent this. Programs say nothing and may."""
        site, origin = header(scope, b"sec-fetch-site"), header(scope, b"origin")
        if site in ("same-origin", "none"):
            # Only the browser itself can write this header; it is the surest word where it is sent (TLS, localhost).
            return
        if origin and not self.is_own_origin(scope):
            raise Forbidden(
                f"This was sent by a page of {origin[:100]!r}. If that is how you reach OpenAlert, set "
                "server.base_url to it, or add it to server.allowed_origins.",
                code="CROSS_SITE_REQUEST",
            )
        if not origin and site:
            raise Forbidden("This was sent by a page of another site.", code="CROSS_SITE_REQUEST")


def session_token(scope: Any) -> str:
    """The token of the session with which this was asked; empty for an API key and for strangers."""
    credential: Credential | None = scope.get("credential")
    return credential.text if credential is not None and credential.kind == "session" else ""


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The one guard of the whole application: who is it, and is the request what it seems."""
    scope: Any = connection.scope
    if scope["type"] != "http":
        return
    access: Access = connection.app.state.access
    credential = access.credential(scope)
    unsafe = scope["method"] not in SAFE
    if unsafe and (credential is None or credential.kind == "session"):
        access.refuse_foreign_pages(scope)
    watching = bool(handler.opt.get("watcher"))
    actor = await access.identify(credential, watching=watching) if credential is not None else None
    if actor is not None:
        actor = actor.by_way_of(_came(scope))
    elif watching and credential is not None and await access.identify(credential) is not None:
        raise Forbidden("This needs an API key that was made for watching, and is for nothing else.")
    scope["actor"], scope["credential"] = actor, credential
    if handler.opt.get("password") and connection.app.state.config.oidc.only:
        raise NotFound("page")
    if handler.opt.get("public"):
        return
    if actor is None:
        raise Unauthenticated(_why(credential))
    if str(scope.get("path_template", "")).startswith("/api/"):  # not `path`, which has other spellings too
        _refuse_unknown_parameters(scope, connection, handler)
        if watching:
            access.watchers.spend(f"{actor.kind}:{actor.id}", access.database.clock())
        if unsafe:
            scope["limited_as"] = f"{actor.kind}:{actor.id}"
            await access.writes.spend_shared(scope["limited_as"], access.database.clock())
            _refuse_other_bodies(scope)
    if unsafe and credential is not None:
        await _still(connection, access, credential)


async def _still(
    connection: ASGIConnection[Any, Any, Any, Any], access: Access, credential: Credential
) -> None:
    """Who it is once the body is here: a body that dribbles in must not keep rights that were taken meanwhile."""
    began = time.monotonic()
    scope: Any = connection.scope
    request: Request[Any, Any, Any] = Request(scope, connection.receive)
    is_multipart = header(scope, b"content-type").lower().startswith("multipart/")
    await (request.form() if is_multipart else request.body())
    if time.monotonic() - began < ASK_AGAIN_AFTER:
        return
    actor = await access.identify(credential)
    if actor is None:
        raise Unauthenticated(_why(credential))
    scope["actor"] = actor.by_way_of(_came(scope))


def _why(credential: Credential | None) -> str:
    if credential is None:
        return "Sign in, or send an API key as `Authorization: Bearer …`."
    if credential.kind == "key":
        return "This API key does not open this: it is unknown, revoked, expired or made for something else."
    return "The session is over. Sign in again."


def _refuse_unknown_parameters(
    scope: Scope, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A misspelt filter that is ignored shows the wrong list; so it is named."""
    known = handler.opt.get("query_parameters")
    if known is None or not scope["query_string"]:
        return
    for name in connection.query_params:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise Invalid(
                f"There is no query parameter {name[:64]!r} here. Known: {listed}.",
                field=name[:64],
                allowed=sorted(known),
            )


def _refuse_other_bodies(scope: Scope) -> None:
    """What is not plain JSON is not guessed at: pages of others can send texts and forms without asking."""
    if header(scope, b"content-length") in ("", "0") and not header(scope, b"transfer-encoding"):
        return
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        raise Unsupported("Send the body as application/json.", allowed=["application/json"])
    if header(scope, b"content-encoding").lower() not in ("", "identity"):
        raise Unsupported("Send the body as it is, without Content-Encoding.")


def actor(request: Request[Any, Any, Any]) -> Actor:
    """Dependency `actor`: who is asking; Unauthenticated on a public route that nobody signed in to."""
    scope: Any = request.scope
    found: Actor | None = scope.get("actor")
    if found is None:
        raise Unauthenticated(_why(None))
    return found


def stranger(request: Request[Any, Any, Any]) -> Actor:
    """Whoever asks on a public route, as far as the request itself says: an address and a request id."""
    return _came(request.scope)


def _came(scope: Any) -> Actor:
    client = scope.get("client")
    return unknown_actor(client[0] if client else "", scope.get("request_id", ""))


def db(request: Request[Any, Any, Any]) -> Database:
    """Dependency `db`: the database."""
    access: Access = request.app.state.access
    return access.database


def links_back(request: Request[Any, Any, Any]) -> LinksBack:
    """Dependency `links_back`: how messages lead back to us."""
    found: LinksBack = request.app.state.links_back
    return found


def now(request: Request[Any, Any, Any]) -> Instant:
    """Dependency `now`: the instant at which the request is answered."""
    access: Access = request.app.state.access
    return access.database.clock()


def safe_next(target: str | None) -> str:
    """Where to go after signing in: a path of ours, or the first page for everything else."""
    if not target or len(target) > 2000 or not target.startswith("/") or target.startswith("//"):
        return "/"
    if "\\" in target or not target.isprintable():
        return "/"
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or "//" in parts.path or "/.." in parts.path:
        return "/"
    return quote(target, safe=_OF_ADDRESSES)  # a header has no letters beyond Latin-1
