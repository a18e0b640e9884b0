"""The pages that people see, as one file each: the style sheet is inside, named in the policy by its hash."""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from openalert.domain.instant import Instant
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.domain.status_page import COLOUR
from openalert.web import render
from openalert.web.status import colours, script
from openalert.web.status.answers import HTML, Answer, Headers, answer, as_bytes
from openalert.web.status.view import Month, View
from openalert.web.status.years import Year


def one_line_sheet(text: str) -> str:
    """A style sheet without its comments and line breaks."""
    return re.sub(r"/\*.*?\*/|\s*\n\s*", "", text, flags=re.S)


_SHEET = one_line_sheet((files("openalert.web") / "templates/status/page.css").read_text())
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?")


class Style:
    """The style sheet with the colour of a page, and the hash by which the content policy knows it."""

    def __init__(self, accent: str | None, more: str = "", *, sheet: str = _SHEET) -> None:
        """`accent`: `#rrggbb`; whatever else the database holds is no colour and is left out. `more` is added to it."""
        is_colour = accent is not None and COLOUR.fullmatch(accent)
        self.text = sheet + more + (colours.branded(accent) if accent and is_colour else "")
        digest = hashlib.sha256(self.text.encode()).digest()
        self.source = f"'sha256-{base64.b64encode(digest).decode()}'"

    def __html__(self) -> str:
        """The element; there is nothing in it that people wrote but a colour."""
        return f"<style>{self.text}</style>"


@lru_cache(maxsize=256)
def style(accent: str | None) -> Style:
    """The style sheet of pages with this colour."""
    return Style(accent)


def home(page: PublicPage, base: str, now: Instant) -> Answer:
    """The page itself."""
    return _answer(page, "status/page.html", base, now)


def preview(page: PublicPage, base: str, now: Instant) -> tuple[dict[str, str], bytes]:
    """Headers and body of the page as its team looks at it, inside of a page of ours; nobody else may frame it.

    `page` may have settings that nobody has saved. Links lead out of the frame, to what customers see.
    """
    sheet = style(page.theme.accent)
    logo = logo_origin(page.logo_url)
    text = _text(page, "status/page.html", base, now, is_preview=True)
    headers = {
        "content-security-policy": _policy(sheet, logo, ancestors="'self'"),
        "x-frame-options": "SAMEORIGIN",
        "x-robots-tag": "noindex",
    }
    return headers, as_bytes(text)


def incident(page: PublicPage, base: str, now: Instant, told: PublicIncident) -> Answer:
    """One incident or maintenance with everything that was said."""
    return _answer(page, "status/incident.html", base, now, incident=told)


def month(page: PublicPage, base: str, now: Instant, shown: Month) -> Answer:
    """A month of the archive."""
    near = View(page, now).near(shown.key)
    return _answer(page, "status/history.html", base, now, month=shown, near=near)


def uptime(page: PublicPage, base: str, now: Instant, years: Sequence[Year]) -> Answer:
    """The months of every component."""
    return _answer(page, "status/uptime.html", base, now, years=years)


def calendar(page: PublicPage, base: str, now: Instant, year: Year) -> Answer:
    """The days of a component, a month beside the other."""
    return _answer(page, "status/calendar.html", base, now, year=year)


def _answer(page: PublicPage, template: str, base: str, now: Instant, **context: Any) -> Answer:
    text = _text(page, template, base, now, **context)
    return answer(page, as_bytes(text), HTML, policy(style(page.theme.accent), logo_origin(page.logo_url)))


def _text(page: PublicPage, template: str, base: str, now: Instant, **context: Any) -> str:
    return render.page(
        template,
        page=page,
        view=View(page, now),
        base=base,
        sheet=style(page.theme.accent),
        logo=page.logo_url if logo_origin(page.logo_url) else None,
        script=script.VERSION,
        **context,
    )


@cache
def nothing() -> tuple[Headers, bytes]:
    """Headers and body of the one page that every address answers which shows nothing: unknown, private, deleted."""
    sheet = style(None)
    body = render.page("status/nothing.html", sheet=sheet).encode()
    return [
        (b"content-type", HTML.encode()),
        (b"cache-control", b"no-store"),
        (b"x-robots-tag", b"noindex"),
        (b"content-length", str(len(body)).encode()),
        *policy(sheet),
    ], body


def policy(sheet: Style, logo: str = "", *, forms: str = "'none'") -> Headers:
    """One script of ours, no frame; the style sheet inside, the logo from where it lies, and where `forms` go."""
    return [(b"content-security-policy", _policy(sheet, logo, ancestors="'none'", forms=forms).encode())]


def _policy(sheet: Style, logo: str, *, ancestors: str, forms: str = "'none'") -> str:
    images = f"img-src data: {logo}".strip()
    return (
        f"default-src 'none'; script-src 'self'; connect-src 'self'; style-src {sheet.source}; {images}; "
        f"base-uri 'none'; form-action {forms}; frame-ancestors {ancestors}"
    )


def logo_origin(address: str | None) -> str:
    """Scheme, host and port of the logo as a content policy can name them; empty where it cannot."""
    parts = urlsplit(address or "")
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    return origin if _ORIGIN.fullmatch(origin) else ""
