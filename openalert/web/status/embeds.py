"""What other people's pages show of a status page: badges, a line in a frame, a note that floats while there is need.

Only of pages that are for everybody: whoever looks at somebody else's page brings no right to ours.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files

import msgspec

from openalert.domain import languages
from openalert.domain.public_page import PublicIncident, PublicPage
from openalert.domain.status_page import ComponentStatus, OverallStatus, PublicKind
from openalert.web import render
from openalert.web.api.wire import Output, moment
from openalert.web.status import script
from openalert.web.status.answers import HTML, JSON, Answer, answer, as_bytes
from openalert.web.status.html import Style, one_line_sheet
from openalert.web.status.view import View, badge_words

LONGEST_LABEL = 40
THEMES = ("auto", "light", "dark")
_NARROW, _WIDE = 6.6, 11.0
"""Width of a character of a badge, in pixels, at 11 px of a usual sans-serif."""
_MUTED = "#3b424e"
_COLOURS = {
    OverallStatus.OPERATIONAL: "#0f7a45",
    OverallStatus.DEGRADED: "#8a6100",
    OverallStatus.OUTAGE: "#c0152a",
    OverallStatus.MAINTENANCE: "#0e62ad",
}
_OF_COMPONENT = {
    ComponentStatus.OPERATIONAL: "#0f7a45",
    ComponentStatus.UNDER_MAINTENANCE: "#0e62ad",
    ComponentStatus.DEGRADED_PERFORMANCE: "#8a6100",
    ComponentStatus.PARTIAL_OUTAGE: "#ad4500",
    ComponentStatus.MAJOR_OUTAGE: "#c0152a",
}
_SHIELDS = {
    OverallStatus.OPERATIONAL: "brightgreen",
    OverallStatus.DEGRADED: "yellow",
    OverallStatus.OUTAGE: "red",
    OverallStatus.MAINTENANCE: "blue",
}
_ROUND = {"flat": 4, "pill": 10, "square": 0}
"""Radius of the corners, by style."""
_SHEET = one_line_sheet((files("openalert.web") / "templates/status/embed.css").read_text())
_NOTE = script.source("embed.js")


class ShieldsOut(Output):
    """What shields.io reads of an endpoint."""

    schema_version: int
    label: str
    message: str
    color: str
    cache_seconds: int = 60


class NoticeOut(Output):
    """Something that a visitor of another page may have to know."""

    kind: PublicKind
    title: str
    tone: ComponentStatus
    url: str
    begins_at: datetime


class EmbedOut(Output):
    """How the whole stands, and what is open or planned, the most urgent first."""

    tone: ComponentStatus
    headline: str
    status: OverallStatus
    url: str
    link: str
    """The words of the link."""
    close: str
    """What a screen reader says of the cross."""
    language: str
    notices: list[NoticeOut]


def badge(page: PublicPage, asked: Mapping[str, str]) -> Answer | None:
    """How the whole stands; `label`, `style` and `theme` as somebody asks."""
    words = badge_words(page)
    label = languages.words_of(page.language).badge_label
    return _badge(page, page.name, label, words, _COLOURS[page.overall], asked)


def component_badge(page: PublicPage, wanted: str, asked: Mapping[str, str]) -> Answer | None:
    """How one component is, by either of its ids."""
    part = next((each for each in page.components if wanted in (each.public_id, each.id)), None)
    if part is None:
        return None
    words = languages.words_of(page.language).component_status[part.status]
    return _badge(page, part.name, part.name, words, _OF_COMPONENT[part.status], asked)


def _badge(
    page: PublicPage, name: str, label: str, words: str, colour: str, asked: Mapping[str, str]
) -> Answer:
    """A picture; what is asked for and not known is as if it were not asked for: a picture cannot say what is wrong."""
    label = _clean(asked.get("label", "")) or _clean(label)
    theme = asked.get("theme", "dark")
    left, right = _width(label), _width(words)
    text = render.page(
        "status/badge.svg",
        name=name,
        label=label,
        words=words,
        colour=colour,
        ground="#e3e6eb" if theme == "light" else _MUTED,
        ink="#14171e" if theme == "light" else "#fff",
        follows=theme == "auto",
        left=left,
        right=right,
        radius=_ROUND.get(asked.get("style", ""), _ROUND["flat"]),
    )
    policy = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *")
    return answer(page, as_bytes(text), "image/svg+xml", [policy])


def shields(page: PublicPage, asked: Mapping[str, str]) -> Answer | None:
    """`/api/shields.json`: the endpoint badge of shields.io."""
    if not page.is_public:
        return None
    return _json(
        page,
        ShieldsOut(
            schema_version=1,
            label=_clean(asked.get("label", "")) or languages.words_of(page.language).badge_label,
            message=badge_words(page),
            color=_SHIELDS[page.overall],
        ),
    )


def facts(page: PublicPage) -> Answer | None:
    """`/embed.json`: what the floating note reads."""
    if not page.is_public:
        return None
    view = View(page, page.as_of)
    told = [(each, view.tone_of(each)) for each in (*page.active, *view.underway, *view.planned)]
    return _json(
        page,
        EmbedOut(
            tone=view.tone,
            headline=view.headline,
            status=page.overall,
            url=page.url,
            link=view.w.open_page,
            close=view.w.close,
            language=view.language,
            notices=[_notice(page, each, tone) for each, tone in told],
        ),
    )


def _notice(page: PublicPage, told: PublicIncident, tone: ComponentStatus) -> NoticeOut:
    return NoticeOut(
        kind=told.kind,
        title=told.title,
        tone=tone,
        url=f"{page.url}/incidents/{told.public_id}",
        begins_at=moment(told.started_at if told.scheduled_for is None else told.scheduled_for),
    )


def line(page: PublicPage, asked: Mapping[str, str]) -> Answer | None:
    """`/embed`: one line for a frame on somebody's page; `theme` where theirs does not follow the reader's."""
    if not page.is_public:
        return None
    theme = asked.get("theme", "auto")
    scheme = "light dark" if theme not in ("light", "dark") else theme
    sheet = Style(None, f":root{{color-scheme:{scheme}}}", sheet=_SHEET)
    view = View(page, page.as_of)
    text = render.page("status/embed.html", page=page, view=view, sheet=sheet, scheme=scheme)
    policy = f"default-src 'none'; style-src {sheet.source}; base-uri 'none'; form-action 'none'; frame-ancestors *"
    return answer(page, as_bytes(text), HTML, [(b"content-security-policy", policy.encode())])


def note(page: PublicPage) -> Answer | None:
    """`/embed.js`: the script that lets a note float on somebody's page while there is something to know."""
    return answer(page, _NOTE, script.TYPE) if page.is_public else None


def _json(page: PublicPage, value: Output) -> Answer:
    return answer(page, msgspec.json.encode(value), JSON)


def _clean(text: str) -> str:
    """On one line, printable, and not too long."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= LONGEST_LABEL else line[: LONGEST_LABEL - 1] + "…"


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return round(wide * _WIDE + (len(text) - wide) * _NARROW) + 14
