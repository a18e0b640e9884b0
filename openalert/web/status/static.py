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
from datetime import timedelta
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

import msgspec

from openalert.domain.instant import rfc3339, to_datetime
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.domain.status_copy import CopyFile
from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.domain.walltime import zone_named
from openalert.usecases.status_view import Archived
from openalert.web import render as templates
from openalert.web.status import html
from openalert.web.status.answers import HTML, JSON, Answer
from openalert.web.status.renderings import names, render
from openalert.web.status.view import Month, View
from openalert.web.status.years import Year, year_of

INDEX = "index.html"
FACTS = "copy.json"
"""Says for programs what was copied, and when."""
_HEAD, _MAIN, _END = '<meta charset="utf-8">', '<main id="content">', "</body>"
_SERVER_ALONE = re.compile(r"\s*(frame-ancestors|report-uri|sandbox)[^;]*;?")
"""Directives that count in a header only."""


NOTHING_OLD = Archived()


def copy_of(page: PublicPage, old: Archived = NOTHING_OLD) -> Iterator[CopyFile]:
    """The files of the page as it is in its picture; the front page is the last, so that it never leads to nothing.

    `old`: what is not in the picture; without it links to that lead to the page itself.
    """
    # Nobody can have written this into their words.
    base = f"/{secrets.token_hex(16)}"
    whole = msgspec.structs.replace(page, incidents=(*page.incidents, *old.told))
    years, months = _years(page, old), _months(whole, old)
    known = {name: _path(name) for name in (*names(whole), *years, *months)}
    over = {f"incidents/{each.public_id}": each for each in whole.incidents if each.status.is_over}
    for name, path in sorted(known.items(), key=lambda each: each[0] == ""):
        told = over.get(name)
        if told is not None:
            found = render(_when_over(page, told), name, base, page.as_of)
        elif name in years:
            found = _uptime(page, base, name, years[name])
        elif name in months:
            found = html.month(page, base, page.as_of, months[name])
        else:
            found = render(page, name, base, page.as_of)
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


def _years(page: PublicPage, old: Archived) -> dict[str, list[Year]]:
    """What the addresses of uptime show, where that is known: all components, and each by itself."""
    view = View(page, page.as_of)
    every = [year_of(view, each, old.days[each.id]) for each in page.components if each.id in old.days]
    return (
        {"uptime": every, **{f"uptime/{each.component.public_id}": [each] for each in every}} if every else {}
    )


def _months(whole: PublicPage, old: Archived) -> dict[str, Month]:
    """What the months of the archive show, back to the first, where all of it is known."""
    if not old.is_whole or not whole.began_at:
        return {}
    view, zone = View(whole, whole.as_of), zone_named(whole.timezone)
    told: dict[str, list[PublicIncident]] = {}
    for each in whole.incidents:
        if each.status is not PublicStatus.SCHEDULED:
            told.setdefault(f"{to_datetime(each.started_at).astimezone(zone):%Y-%m}", []).append(each)
    at, first = (
        to_datetime(whole.as_of).astimezone(zone),
        f"{to_datetime(whole.began_at).astimezone(zone):%Y-%m}",
    )
    found: dict[str, Month] = {}
    while (key := f"{at:%Y-%m}") >= first:
        found[f"history/{key}"] = view.month(key, told.get(key, ()))
        at = at.replace(day=1) - timedelta(days=1)
    return found


def _uptime(page: PublicPage, base: str, name: str, years: list[Year]) -> Answer:
    if name == "uptime":
        return html.uptime(page, base, page.as_of, years)
    return html.calendar(page, base, page.as_of, years[0])


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
