"""What a channel in a chat is told of a status page, in parts; Slack and Teams each add their form and escaping."""

import re

import msgspec

from openalert.domain.public_page import PublicIncident, PublicPage, PublicUpdate
from openalert.domain.status_page import Impact
from openalert.notifiers.letter import moment
from openalert.notifiers.text import one_line, paragraphs

TITLE = 200
TEXT = 2_400
_COMPONENTS = 12
_MARKS = (
    (re.compile(r"\[([^\[\]\n]{1,200})\]\((https?://[^\s()<>\"]{1,1000})\)"), r"\1 (\2)"),
    (re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*"), r"\1"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"^#{1,6}[ \t]+", re.MULTILINE), ""),
    (re.compile(r"^```.*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*[*+-][ \t]+", re.MULTILINE), "• "),
)
"""The marks of Markdown that people write, and what is left of them where none are read."""
_TONES = {
    Impact.CRITICAL: "critical",
    Impact.MAJOR: "high",
    Impact.MINOR: "medium",
    Impact.NONE: "info",
    Impact.MAINTENANCE: "low",
}


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One post, in the order in which it is read; its texts are of people and not yet escaped for any chat."""

    tone: str
    """As those of `chat.SYMBOLS`."""
    lead: str
    """`Acme Status: Identified`."""
    title: str
    text: str
    """Plain words; lines are kept."""
    facts: tuple[tuple[str, str], ...] = ()
    """(its name, its value)."""
    links: tuple[tuple[str, str], ...] = ()
    """(words, address); all are addresses of ours or of the page."""
    reason: str = ""
    """Why the channel gets it."""


def news(page: PublicPage, incident: PublicIncident, update: PublicUpdate, *, manage_url: str) -> Post:
    """An update for whoever follows the page; `manage_url` is where the subscription is changed or ended."""
    return Post(
        tone="good" if update.status.is_over else _TONES[incident.impact],
        lead=f"{one_line(page.name, 80)}: {update.status.words}",
        title=one_line(incident.title, TITLE),
        text=plain(update.message),
        facts=tuple(_facts(page, incident, update)),
        links=(
            ("Open the status page", f"{page.url}/incidents/{incident.public_id}"),
            ("Change or end this subscription", manage_url),
        ),
    )


def question(page_name: str, *, confirm_url: str) -> Post:
    """Whether the channel really wants to hear of the page: only somebody who reads it there can say so."""
    name = one_line(page_name, 80)
    return Post(
        tone="plain",
        lead=f"News of {name} in this channel?",
        title="",
        text=f"Somebody asked that this channel is told when something happens on {name}. Nothing is sent until "
        "somebody here confirms it; without that we forget it.",
        links=(("Confirm", confirm_url),),
    )


def plain(markdown: str) -> str:
    """The words of a text in Markdown, without its marks; addresses of links stand behind their words."""
    text = markdown.replace("\r\n", "\n")
    for mark, left in _MARKS:
        text = mark.sub(left, text)
    return paragraphs(text, TEXT)


def _facts(page: PublicPage, incident: PublicIncident, update: PublicUpdate) -> list[tuple[str, str]]:
    changed = [f"{one_line(each.name, 80)}: {each.is_now.words}" for each in update.changes]
    facts = [("Components", _listed(changed))] if changed else []
    if not changed:
        names = {each.id: one_line(each.name, 80) for each in page.components}
        about = [names[each] for each in incident.component_ids if each in names]
        facts = [("Components", _listed(about))] if about else []
    if incident.scheduled_for is not None and incident.scheduled_until is not None:
        begins = moment(incident.scheduled_for, page.timezone, seen=0)
        ends = moment(incident.scheduled_until, page.timezone, seen=incident.scheduled_for)
        facts.append(("Planned", f"{begins} to {ends}"))
    return facts


def _listed(names: list[str]) -> str:
    more = [f"and {len(names) - _COMPONENTS} more"] if len(names) > _COMPONENTS else []
    return ", ".join([*names[:_COMPONENTS], *more])
