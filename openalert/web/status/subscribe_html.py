"""The pages of subscribers: the form, the button behind each link of a mail, what they are told, what came of it."""

from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.languages import Words, words_of
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.domain.status_page import Component, StatusPage
from openalert.web import render
from openalert.web.status.answers import HTML, Answer, Headers, answer, as_bytes
from openalert.web.status.html import Style, one_line_sheet, policy

_SHEET = one_line_sheet((files("openalert.web") / "templates/status/subscribe.css").read_text())
_OWN = "'self'"


class Given(msgspec.Struct, frozen=True):
    """What somebody typed and chose, so that they need not do it twice."""

    email: str = ""
    """Of a webhook the contact."""
    kind: str = "email"
    url: str = ""
    chosen: tuple[str, ...] = ()
    """Public ids of components; empty: everything."""


class Where(msgspec.Struct, frozen=True):
    """The page that a form belongs to, as far as it may be named to whoever asks."""

    name: str = ""
    home: str = ""
    language: str = "en"
    accent: str | None = None

    @property
    def words(self) -> Words:
        """In the language of the page."""
        return words_of(self.language)


class _Picked(msgspec.Struct, frozen=True):
    """What the template of the choice reads of a page."""

    language: str
    components: tuple[Component, ...]


def of_picture(page: PublicPage, base: str) -> Where:
    """A page that is open to whoever asks."""
    return Where(page.name, base or "/", page.language, page.theme.accent)


def of_row(page: StatusPage, base: str) -> Where:
    """A page of which somebody has a link to their subscription."""
    return Where(page.name, base or "/", page.language, page.theme.accent)


def form(page: PublicPage, base: str, _now: Instant, incident: PublicIncident | None = None) -> Answer:
    """The form, ready in memory like everything else of the page."""
    where = of_picture(page, base)
    body = _form(where, page, base, incident, "", Given())
    return answer(page, as_bytes(body), HTML, policy(_style(where.accent), forms=_OWN))


def form_again(
    page: PublicPage, base: str, incident: PublicIncident | None, error: str, given: Given
) -> tuple[Headers, bytes]:
    """The form with what was wrong, and all that was typed."""
    where = of_picture(page, base)
    return _answer(where, _form(where, page, base, incident, error, given))


def _form(
    where: Where, page: PublicPage, base: str, incident: PublicIncident | None, error: str, given: Given
) -> str:
    hooks = where.words.hooks
    ways = [("webhook", hooks.webhook), ("slack", "Slack"), ("teams", "Microsoft Teams")]
    return _page(
        "subscribe.html",
        where,
        page=page,
        base=base,
        incident=incident,
        error=error,
        given=given,
        hooks=hooks,
        ways=[each for each in ways if each[0] not in page.kinds_off],
    )


def button(where: Where, heading: str, lead: str, label: str) -> tuple[Headers, bytes]:
    """One button that posts to where it stands."""
    return _answer(where, _page("subscribe_act.html", where, heading=heading, lead=lead, button=label))


def said(where: Where, heading: str, lead: str, manage: str = "") -> tuple[Headers, bytes]:
    """What came of it."""
    return _answer(where, _page("subscribe_said.html", where, heading=heading, lead=lead, manage=manage))


def subscription(
    where: Where,
    components: tuple[Component, ...],
    given: Given,
    *,
    address: str,
    incident_title: str,
    leave: str,
    secret: str = "",
    saved: bool = False,
    error: str = "",
) -> tuple[Headers, bytes]:
    """What somebody is told, for themselves to change."""
    text = _page(
        "subscription.html",
        where,
        page=_Picked(where.language, components),
        given=given,
        address=address,
        incident_title=incident_title,
        leave=leave,
        secret=secret,
        hooks=where.words.hooks,
        saved=saved,
        error=error,
    )
    return _answer(where, text)


@lru_cache(maxsize=256)
def _style(accent: str | None) -> Style:
    return Style(accent, _SHEET)


def _page(template: str, where: Where, **context: Any) -> str:
    return render.page(
        f"status/{template}",
        name=where.name,
        home=where.home,
        w=where.words,
        words=where.words.forms,
        sheet=_style(where.accent),
        **context,
    )


def _answer(where: Where, text: str) -> tuple[Headers, bytes]:
    """Kept by nobody, and its address is told to nobody: it may hold a link that acts."""
    body = as_bytes(text)
    headers: Headers = [
        (b"content-type", HTML.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-robots-tag", b"noindex, nofollow"),
        *policy(_style(where.accent), forms=_OWN),
    ]
    return headers, body
