"""`/status/{slug}` and `/public/status/{slug}`: status pages for whoever reads them.

An ASGI application of its own, beside Litestar: what is answered lies ready on the board, and nothing here needs the
database but a member who looks at a page that is not public. What does not exist, what is deleted and what is not for
the one who asks is answered alike, byte for byte.
"""

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote

import msgspec

from openalert.domain.access import Permission, can
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.public_page import PublicPage
from openalert.domain.status_page import PublicStatus
from openalert.usecases.access import sees
from openalert.usecases.status_pages import link_hash
from openalert.web import etags
from openalert.web.asgi import WHOLE, ASGIApp, Receive, Scope, Send, header
from openalert.web.guards import Access
from openalert.web.problems import Refused
from openalert.web.status import asked, feeds, html, shapes
from openalert.web.status.answers import Answer
from openalert.web.status.archive import Archive
from openalert.web.status.board import Board, Shown
from openalert.web.status.renderings import API, USUAL_INCIDENTS, as_json
from openalert.web.status.subscribe import Forms

PAGES = "/status/"
PUBLIC_API = "/public/status/"
PREFIXES = (PAGES, PUBLIC_API)
COOKIE = "openalert_status"
"""Holds the secret of a page's link, for the path of that page alone."""
_LINK_LASTS = 30 * 86_400
_MOST_INCIDENTS = 100
_FILTERS = ("includeResolved", "status", "limit", "key")


class Filters(msgspec.Struct, frozen=True):
    """Which incidents are asked for."""

    resolved: bool = True
    status: PublicStatus | None = None
    limit: int = USUAL_INCIDENTS


class StatusSite:
    """The pages below `/status/` and the JSON below `/public/status/`."""

    def __init__(self, board: Board, archive: Archive, access: Access, forms: Forms) -> None:
        self._board = board
        self._archive = archive
        self._access = access
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request on our own host."""
        path: str = scope["path"]
        is_api = path.startswith(PUBLIC_API)
        slug, _, rest = path[len(PUBLIC_API if is_api else PAGES) :].partition("/")
        shown = self._board.of_slug(slug)
        if not is_api and await self._links(scope, receive, send, shown, rest, PAGES + slug):
            return
        signs_up = not is_api and self._forms.is_sign_up(scope["method"], rest.rstrip("/"))
        if not signs_up:
            _only_reading(scope)
        if shown is None or not shown.page.is_public:
            key = _query(scope).get("key", "")
            shown = await self._opened(scope, shown, key)
            if shown is not None and key and not is_api and rest.rstrip("/") == "":
                await self._remember(scope, shown.page, key, send)
                return
            if signs_up and not _is_from_here(scope):
                shown = None
        if signs_up:
            await self._sign_up(scope, receive, send, shown, rest.rstrip("/"), PAGES + slug)
            return
        name = (API if is_api else "") + rest.rstrip("/")
        found = await self._find(scope, shown, name, PAGES + slug)
        await _send(scope, send, found, for_machines=is_api or _is_file(rest))

    def at_domain(self, name: str) -> ASGIApp | None:
        """What answers for this domain, in lower case: one public page and nothing else; None: it is no page's."""
        shown = self._board.of_domain(name)
        if shown is None:
            return None

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            scope["path_template"] = "custom domain"
            path = scope["path"].strip("/")
            # Not by a link or a session: no cookie is ever set or read here.
            open_to_all = shown if shown.page.is_public else None
            if await self._links(scope, receive, send, shown, path, ""):
                return
            if self._forms.is_sign_up(scope["method"], path):
                await self._sign_up(scope, receive, send, open_to_all, path, "")
                return
            _only_reading(scope)
            found = await self._find(scope, open_to_all, path, "")
            await _send(scope, send, found, for_machines=_is_file(path))

        return answer

    async def _find(self, scope: Scope, shown: Shown | None, name: str, base: str) -> Answer | None:
        """What lies ready, or what is too old for that."""
        found = _find(scope, shown, name, base)
        if found is not None or shown is None:
            return found
        return await self._archive.answer(shown.page, name, base)

    async def _links(
        self, scope: Scope, receive: Receive, send: Send, shown: Shown | None, rest: str, base: str
    ) -> bool:
        """Answer what a link of a mail leads to: its holder needs no further right to the page."""
        if not self._forms.is_link(rest) or scope["method"] not in ("GET", "HEAD", "POST"):
            return False
        page = shown.page if shown is not None and shown.page.is_public else None
        await _answer(scope, send, *await self._forms.by_link(scope, receive, page, rest, base))
        return True

    async def _sign_up(
        self, scope: Scope, receive: Receive, send: Send, shown: Shown | None, name: str, base: str
    ) -> None:
        if shown is None:
            await _send(scope, send, None, for_machines=_is_file(name))
            return
        await _answer(scope, send, *await self._forms.sign_up(scope, receive, shown.page, name, base))

    async def domain_check(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """`?domain=…`: 200 for the domain of a page, 404 for any other; whoever makes certificates on demand asks."""
        _only_reading(scope)
        asked = _query(scope).get("domain", "").lower().removesuffix(".")
        shown = self._board.of_domain(asked) if scope["path"] == DOMAIN_CHECK + "check" else None
        if shown is None:
            raise NotFound("status page")
        await _answer(
            scope, send, 200, [(b"content-type", b"text/plain"), (b"content-length", b"3")], b"ok\n"
        )

    async def _opened(self, scope: Scope, shown: Shown | None, key: str) -> Shown | None:
        """The page, if it is open to whoever asks; a credential is looked at whether or not there is a page."""
        credential = self._access.credential(scope)
        actor = await self._access.identify(credential) if credential is not None else None
        if shown is None:
            return None
        page = shown.page
        if any(_opens(page, each) for each in (key, _cookie(scope))):
            return shown
        if actor is None or not sees(actor, page.organization_id, page.team_id):
            return None
        return shown if can(actor, Permission.SEE, page.team_id) else None

    async def _remember(self, scope: Scope, page: PublicPage, key: str, send: Send) -> None:
        """Let the browser keep the secret, and take it out of the address."""
        place = PAGES + quote(page.slug)
        if _opens(page, key):
            secure = "; Secure" if self._access.is_https else ""
            cookie = f"{COOKIE}={key}; Path={place}; Max-Age={_LINK_LASTS}; HttpOnly; SameSite=Lax{secure}"
            kept = [(b"set-cookie", cookie.encode())]
        else:
            kept = []
        headers = [(b"location", place.encode()), (b"content-length", b"0"), *kept]
        await _answer(scope, send, 303, headers, b"")


DOMAIN_CHECK = "/public/domains/"


def _find(scope: Scope, shown: Shown | None, name: str, base: str) -> Answer | None:
    if shown is None:
        return None
    if name == f"{API}incidents" and scope["query_string"]:
        wanted = _filters(scope)
        if wanted != Filters():
            found = shapes.show_incidents(
                shown.page, resolved=wanted.resolved, status=wanted.status, limit=wanted.limit
            )
            return as_json(shown.page, found)
    if scope["query_string"]:
        if _query(scope).get("granularity") == "update":
            return shown.answer(name + feeds.BY_UPDATE, base) or shown.answer(name, base)
        found_by_query = asked.render(shown.page, name, _query(scope))
        if found_by_query is not None:
            return found_by_query
    return shown.answer(name, base)


def _filters(scope: Scope) -> Filters:
    """What the query asks for; Invalid for what is not known, because a misspelt filter shows the wrong list."""
    query = _query(scope)
    for name in query:
        if name not in _FILTERS:
            raise Invalid(
                f"There is no query parameter {name[:64]!r} here. Known: includeResolved, limit, status.",
                field=name[:64],
            )
    resolved, limit, status = (query.get(name, "") for name in ("includeResolved", "limit", "status"))
    if resolved not in ("", "true", "false"):
        raise Invalid("includeResolved is true or false.", field="includeResolved")
    if limit and not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= _MOST_INCIDENTS):
        raise Invalid(f"limit is a whole number from 1 to {_MOST_INCIDENTS}.", field="limit")
    if status and status not in list(PublicStatus):
        raise Invalid(f"status is one of {', '.join(PublicStatus)}.", field="status")
    return Filters(
        resolved=resolved != "false",
        status=PublicStatus(status) if status else None,
        limit=int(limit) if limit else USUAL_INCIDENTS,
    )


def _opens(page: PublicPage, secret: str) -> bool:
    """Whether this is the secret of the page's link."""
    if not secret or page.link_hash is None:
        return False
    return hmac.compare_digest(link_hash(secret), page.link_hash)


def _cookie(scope: Scope) -> str:
    try:
        found = SimpleCookie(header(scope, b"cookie")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _query(scope: Scope) -> dict[str, str]:
    if not scope["query_string"]:
        return {}
    try:
        return dict(
            parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=20)
        )
    except ValueError:
        return {}


def _is_file(path: str) -> bool:
    """Whether programs ask for this address, not people."""
    return "." in path.rpartition("/")[2]


def _is_from_here(scope: Scope) -> bool:
    """Whether a page of ours sent the form: other sites must not use what their visitors may see here."""
    return header(scope, b"sec-fetch-site") in ("", "same-origin", "none")


def _only_reading(scope: Scope) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        raise Refused(
            405,
            "A status page is only read. Change it through the API or in the browser.",
            code="METHOD_NOT_ALLOWED",
            allow=["GET", "HEAD"],
        )


async def _send(scope: Scope, send: Send, found: Answer | None, *, for_machines: bool) -> None:
    if found is None:
        if for_machines:
            raise NotFound("status page")
        headers, body = html.nothing()
        await _answer(scope, send, 404, headers, body)
        return
    known, zips = "", False
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            known = value.decode("latin-1")
        elif name == b"accept-encoding":
            zips = b"gzip" in value
    if known and etags.is_named(found.etag, known, strong=False):
        await _answer(scope, send, 304, found.unchanged_headers, b"")
        return
    whole = found.zipped if zips else found.plain
    if WHOLE in scope.get("extensions", ()):
        await send({"type": WHOLE, "status": 200, "answer": whole})
        return
    await _answer(scope, send, 200, whole.headers, whole.body)


async def _answer(
    scope: Scope, send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
