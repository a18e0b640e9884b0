"""What a channel in a chat is told of a status page, in parts; Slack and Teams each add their form and escaping."""

import re

import msgspec

from openalert.domain.languages import Words, words_of
from openalert.domain.status_letter import Bulletin, Letter
from openalert.domain.status_page import Impact
from openalert.domain.status_subscriber import MailingKind
from openalert.notifiers.letter import moment
from openalert.notifiers.text import one_line, paragraphs

TITLE = 200
TEXT = 2_400
_NAME = 80
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
    title: str = ""
    text: str
    """Plain words; lines are kept."""
    facts: tuple[tuple[str, str], ...] = ()
    """(its name, its value)."""
    links: tuple[tuple[str, str], ...] = ()
    """(words, address); all are addresses of ours or of the page."""
    reason: str = ""
    """Why the channel gets it."""


def of_letter(letter: Letter) -> Post:
    """The letter as a post in the language of its reader."""
    words = words_of(letter.language)
    name = one_line(letter.page.name, _NAME)
    if letter.bulletin is not None:
        return _news(letter, letter.bulletin, words)
    mail, said = words.mail, words.mail.letters[letter.kind]
    asks = letter.kind is MailingKind.CONFIRMATION
    return Post(
        tone="plain",
        lead=said.heading.format(page=name),
        text=said.body.format(page=name),
        links=((mail.confirm, letter.confirm_url),) if asks else ((mail.manage, letter.manage_url),),
        reason=mail.not_you if asks else "",
    )


def _news(letter: Letter, told: Bulletin, words: Words) -> Post:
    is_over = told.update.status.is_over
    lead = f"{one_line(letter.page.name, _NAME)}: {words.incident_status[told.update.status]}"
    return Post(
        tone="good" if is_over else _TONES[told.incident.impact],
        lead=f"{lead} ({words.mail.repeat})" if letter.is_repeat else lead,
        title=one_line(told.incident.title, TITLE),
        text=plain(told.update.message),
        facts=tuple(_facts(letter, told, words)),
        links=((words.mail.open_incident, told.url), (words.mail.manage, letter.manage_url)),
    )


def plain(markdown: str) -> str:
    """The words of a text in Markdown, without its marks; addresses of links stand behind their words."""
    text = markdown.replace("\r\n", "\n")
    for mark, left in _MARKS:
        text = mark.sub(left, text)
    return paragraphs(text, TEXT)


def _facts(letter: Letter, told: Bulletin, words: Words) -> list[tuple[str, str]]:
    facts = []
    if told.components:
        names = [
            f"{one_line(each.name, _NAME)} ({words.component_status[each.status]})"
            for each in told.components
        ]
        more = [f"+ {len(names) - _COMPONENTS}"] if len(names) > _COMPONENTS else []
        facts.append((words.mail.affected, ", ".join([*names[:_COMPONENTS], *more])))
    begins, ends = told.incident.scheduled_for, told.incident.scheduled_until
    if begins is not None and ends is not None:
        zone = letter.page.timezone
        facts.append(
            (words.mail.planned, f"{moment(begins, zone, seen=0)} – {moment(ends, zone, seen=begins)}")
        )
    return facts
