"""Style sheet, script, icons and fonts, served from memory under one content hash.

`/static/<hash>/name` may be kept for ever, because the hash covers every file: relative addresses inside
the style sheet stay right, and any change of any file changes every address. A wrong hash still answers
(an old page during an upgrade finds its files) but is not to be kept.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
_FOREVER = b"public, max-age=31536000, immutable"
_ASK_AGAIN = b"no-cache"


class Asset:
    """One file as it leaves the server: its bytes, their gzip form where smaller, type and ETag."""

    def __init__(self, name: str, body: bytes) -> None:
        """`name` decides the content type."""
        suffix = name[name.rfind(".") :]
        self.body = body
        self.content_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'

    @cached_property
    def zipped(self) -> bytes | None:
        """Made when it is asked for the first time; None where it would not be smaller."""
        zipped = b"" if self.content_type == "font/woff2" else gzip.compress(self.body, 9, mtime=0)
        return zipped if 0 < len(zipped) < len(self.body) else None


def _walk(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    """Every file below `folder` as (relative name, content), sorted by name."""
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found


def _load() -> dict[str, Asset]:
    """All assets by name; the files of `css/`, in the order of their names, are the one `openalert.css`."""
    plain: dict[str, bytes] = {}
    sheets: list[bytes] = []
    for name, body in _walk(files("openalert.web") / "static"):
        if name.startswith("css/"):
            sheets.append(body)
        else:
            plain[name] = body
    plain["openalert.css"] = b"".join(sheets)
    return {name: Asset(name, body) for name, body in plain.items()}


ASSETS: Mapping[str, Asset] = _load()
VERSION = hashlib.sha256("".join(f"{n} {ASSETS[n].etag}\n" for n in sorted(ASSETS)).encode()).hexdigest()[:12]


def url(name: str) -> str:
    """The address of an asset for as long as nothing changes; an unknown name is a mistake of ours."""
    if name not in ASSETS:
        raise LookupError(f"there is no asset {name!r} in web/static")
    return f"/static/{VERSION}/{name}"


def _find(path: str) -> tuple[Asset | None, bytes]:
    """The asset at `/static/<hash>/<name>` or `/static/<name>`, and how long it may be kept."""
    rest = path.removeprefix("/static").lstrip("/")
    if rest in ASSETS:
        return ASSETS[rest], _ASK_AGAIN
    version, _, name = rest.partition("/")
    return ASSETS.get(name), _FOREVER if version == VERSION else _ASK_AGAIN


async def serve(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - the ASGI signature
    """ASGI application for `/static/…`: GET and HEAD, gzip where asked for, 304 where nothing changed."""
    headers = dict(scope["headers"])
    asset, keep = _find(scope["path"])
    if scope["method"] not in {"GET", "HEAD"}:
        return await _answer(send, 405, [(b"allow", b"GET, HEAD")], b"", head=False)
    if asset is None:
        return await _answer(send, 404, [(b"content-type", b"text/plain")], b"No such file.\n", head=False)
    etag = asset.etag.encode()
    answer = [(b"etag", etag), (b"cache-control", keep), (b"vary", b"accept-encoding")]
    if etag in headers.get(b"if-none-match", b""):
        return await _answer(send, 304, answer, b"", head=True)
    body = asset.body
    if b"gzip" in headers.get(b"accept-encoding", b"") and asset.zipped is not None:
        body = asset.zipped
        answer.append((b"content-encoding", b"gzip"))
    answer.append((b"content-type", asset.content_type.encode()))
    return await _answer(send, 200, answer, body, head=scope["method"] == "HEAD")


async def _answer(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, head: bool
) -> None:
    """One complete answer; with `head` the length is told and the body kept."""
    if status != 304:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})
