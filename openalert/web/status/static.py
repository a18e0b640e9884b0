"""A status page as files that any web server, bucket or browser can show without us.

What is answered live is written once more with three additions: the content policy as an element, the time of the copy,
and a script that says when the copy has grown old. Links between the files are relative and name `index.html`, so that
a copy works below any address and from a disk; what is not in the copy leads to the page itself.
"""

import base64
import hashlib
import posixpath
import re
import secrets
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

import msgspec

from openalert.domain.instant import rfc3339
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.domain.status_copy import CopyFile
from openalert.domain.status_page import ComponentStatus
from openalert.web import render as templates
from openalert.web.status.answers import HTML, JSON, Answer
from openalert.web.status.renderings import names, render
from openalert.web.status.view import View

INDEX = "index.html"
FACTS = "copy.json"
"""Says for programs what was copied, and when."""
_HEAD, _MAIN, _END = '<meta charset="utf-8">', '<main id="content">', "</body>"
_SERVER_ALONE = re.compile(r"\s*(frame-ancestors|report-uri|sandbox)[^;]*;?")
"""Directives that count in a header only."""


def copy_of(page: PublicPage) -> Iterator[CopyFile]:
    """The files of the page as it is in its picture; the front page is the last, so that it never leads to nothing."""
    # Nobody can have written this into their words.
    base = f"/{secrets.token_hex(16)}"
    known = {name: _path(name) for name in names(page)}
    over = {f"incidents/{each.public_id}": each for each in page.incidents if each.status.is_over}
    for name, path in sorted(known.items(), key=lambda each: each[0] == ""):
        told = over.get(name)
        found = render(_when_over(page, told) if told else page, name, base, page.as_of)
        if found is None:
            continue
        headers = dict(found.plain.headers)
        content_type = headers[b"content-type"].decode()
        body = found.plain.body
        if content_type == HTML:
            text = _relinked(_marked(found, page, with_age=told is None), base, path, known, page.url)
            body = text.encode()
        yield CopyFile(path, body, content_type, headers[b"cache-control"].decode())
    yield CopyFile(FACTS, _facts(page), JSON, "public, max-age=30")


def _path(name: str) -> str:
    """The file of this address: one with a name of its own, or the index of a folder."""
    return name if "." in name.rpartition("/")[2] else posixpath.join(name, INDEX)


def _when_over(page: PublicPage, told: PublicIncident) -> PublicPage:
    """The page as far as something that is over tells of it: the same for ever, so that its file need not change."""
    return msgspec.structs.replace(
        page,
        as_of=max(told.updated_at, told.resolved_at or 0),
        components=tuple(
            msgspec.structs.replace(each, status=ComponentStatus.OPERATIONAL) for each in page.components
        ),
        incidents=(told,),
    )


def _marked(found: Answer, page: PublicPage, *, with_age: bool) -> str:
    """The document with its policy, what it is a copy of and, where it changes with time, how old it is."""
    script = _script() if with_age else ""
    policy = _SERVER_ALONE.sub("", dict(found.plain.headers)[b"content-security-policy"].decode())
    note = templates.page(
        "status/copy.html",
        page=page,
        view=View(page, page.as_of),
        with_age=with_age,
        host=urlsplit(page.url).netloc,
    )
    text = found.plain.body.decode()
    for mark, added in (
        (_HEAD, _HEAD + templates.page("status/policy.html", policy=_allowing(policy, script))),
        (_MAIN, _MAIN + note),
        (_END, f"<script>{script}</script>{_END}" if script else _END),
    ):
        before, found_mark, after = text.partition(mark)
        if not found_mark:
            raise ValueError(f"a status page has no {mark}")
        text = f"{before}{added}{after}"
    return text


@cache
def _script() -> str:
    return (files("openalert.web") / "templates/status/copy.js").read_text().strip()


def _allowing(policy: str, script: str) -> str:
    """The policy that lets this script run, too, and no other."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return policy.replace("script-src 'self'", f"script-src 'self' 'sha256-{digest}'") if script else policy


def _relinked(text: str, base: str, path: str, known: Mapping[str, str], live: str) -> str:
    """Every link of the page to itself, relative where the copy has what is there, else to the page itself."""
    here = posixpath.dirname(path) or "."

    def link(match: re.Match[str]) -> str:
        wanted = match[1].strip("/")
        if wanted in known:
            return posixpath.relpath(known[wanted], here)
        return f"{live}/{wanted}" if wanted else live

    return re.sub(re.escape(base) + r"((?:/[A-Za-z0-9._~%/-]*)?)", link, text)


def _facts(page: PublicPage) -> bytes:
    facts = {
        "name": page.name,
        "url": page.url,
        "version": page.version,
        "asOf": rfc3339(page.as_of),
        "updatedAt": rfc3339(page.updated_at),
    }
    return msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n"
