"""Letters to subscribers of status pages as mails: in the page's name, one recipient each, with a way out in every one.

Sources: RFC 8058 and RFC 2369 (List-Unsubscribe), RFC 5322 section 3.6.4 (threads), RFC 3834 (Auto-Submitted).
"""

import functools
from collections.abc import Callable
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage

import jinja2
import msgspec
from markupsafe import Markup

from openalert.domain.instant import Instant, to_datetime
from openalert.domain.languages import Words, words_of
from openalert.domain.status_letter import Bulletin, Letter
from openalert.domain.status_page import ComponentStatus
from openalert.domain.status_subscriber import MailingKind
from openalert.domain.walltime import zone_named
from openalert.notifiers.email import EmailNotifier, EmailSettings, parse_address
from openalert.notifiers.letter import message_id
from openalert.notifiers.notifier import Receipt
from openalert.notifiers.text import one_line, paragraphs

LONGEST = 25_000
TITLE = 255
SUBJECT_TITLE = 160
_TONES = {
    ComponentStatus.OPERATIONAL: "good",
    ComponentStatus.UNDER_MAINTENANCE: "planned",
    ComponentStatus.DEGRADED_PERFORMANCE: "minor",
    ComponentStatus.PARTIAL_OUTAGE: "major",
    ComponentStatus.MAJOR_OUTAGE: "critical",
}


class StatusMailCourier:
    """The way by e-mail, over connections of its own."""

    channel = "email"

    def __init__(
        self, settings: EmailSettings, *, reply_to: str = "", markdown: Callable[[str], Markup]
    ) -> None:
        """`markdown` makes safe HTML of what people wrote; `reply_to`: one address, or empty."""
        self._server = EmailNotifier(settings, base_url="")
        self._reply_to = reply_to
        self._markdown = markdown

    async def send(self, letter: Letter, now: Instant) -> Receipt:
        """Hands one mail to the server."""
        return await self._server.post(
            letter.to,
            lambda sender, recipient: compose(
                letter,
                sender=sender,
                recipient=recipient,
                reply_to=self._reply_to,
                markdown=self._markdown,
                now=now,
            ),
        )

    async def close(self) -> None:
        """Nothing stays open between mails."""
        await self._server.close()


def compose(
    letter: Letter,
    *,
    sender: Address,
    recipient: Address,
    reply_to: str = "",
    markdown: Callable[[str], Markup],
    now: Instant,
) -> EmailMessage:
    """The complete mail; every attempt at one letter carries the same Message-ID."""
    words = words_of(letter.language)
    international = not (sender.addr_spec + recipient.addr_spec).isascii()
    mail = EmailMessage(policy=policy.SMTPUTF8 if international else policy.SMTP)
    mail["Subject"] = subject(letter, words)
    mail["From"] = Address(one_line(letter.page.name, 80), sender.username, sender.domain)
    mail["To"] = recipient
    if (answers := parse_address(reply_to)) is not None:
        mail["Reply-To"] = answers
    mail["Date"] = to_datetime(now)
    mail["Message-ID"] = message_id(f"status.{letter.id}", sender)
    if letter.bulletin is not None:
        root = message_id(f"status.{letter.bulletin.incident.public_id}.{letter.subscriber.id}", sender)
        mail["In-Reply-To"] = root
        mail["References"] = root
    if letter.kind is not MailingKind.CONFIRMATION:
        mail["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["List-Id"] = f"<{letter.page.public_id}.status.{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    context = _context(letter, words, markdown, now)
    mail.set_content(_templates().get_template("status_mail.txt").render(context), cte="quoted-printable")
    mail.add_alternative(
        _templates().get_template("status_mail.html").render(context),
        subtype="html",
        cte="quoted-printable",
    )
    mail["Content-Language"] = words.language  # last: what comes before is taken for that of the text alone
    return mail


def subject(letter: Letter, words: Words) -> str:
    """`[Acme Status] Resolved: API is slow`."""
    page = one_line(letter.page.name, 80)
    if letter.bulletin is None:
        line = words.mail.letters[letter.kind].subject.format(page=page)
    else:
        told = letter.bulletin
        status = words.incident_status[told.update.status]
        line = f"[{page}] {status}: {one_line(told.incident.title, SUBJECT_TITLE)}"
    return f"{line} ({words.mail.repeat})" if letter.is_repeat else line


class _Line(msgspec.Struct, frozen=True):
    """A component as the mail lists it."""

    name: str
    status: str
    tone: str


def _context(
    letter: Letter, words: Words, markdown: Callable[[str], Markup], now: Instant
) -> dict[str, object]:
    """Everything that the templates may name; both see the same."""
    told, page = letter.bulletin, one_line(letter.page.name, 80)
    said = words.mail.letters[letter.kind] if told is None else None
    return {
        "kind": letter.kind.value,
        "words": words.mail,
        "open_page": words.open_page,
        "language": words.language,
        "page": page,
        "page_url": letter.page_url,
        "chosen": [one_line(name, 120) for name in letter.chosen],
        "heading": said.heading.format(page=page) if said else "",
        "body": said.body.format(page=page) if said else "",
        "is_repeat": letter.is_repeat,
        "confirm_url": letter.confirm_url,
        "manage_url": letter.manage_url,
        "unsubscribe_url": letter.unsubscribe_url,
        "told": _told(told, letter.page.timezone, words, markdown) if told is not None else None,
        "sent_at": _moment(now, letter.page.timezone),
    }


def _told(
    told: Bulletin, timezone: str, words: Words, markdown: Callable[[str], Markup]
) -> dict[str, object]:
    incident = told.incident
    return {
        "title": one_line(incident.title, TITLE),
        "status": words.incident_status[told.update.status],
        "tone": "good" if told.update.status.is_over else _tone(told),
        "message": paragraphs(told.update.message, LONGEST),
        "message_html": markdown(paragraphs(told.update.message, LONGEST)),
        "at": _moment(told.update.shown_at, timezone),
        "window": (
            f"{_moment(incident.scheduled_for, timezone)} – {_moment(incident.scheduled_until, timezone)}"
            if incident.scheduled_for is not None and incident.scheduled_until is not None
            else ""
        ),
        "components": [
            _Line(one_line(each.name, 120), words.component_status[each.status], _TONES[each.status])
            for each in told.components
        ],
        "url": told.url,
    }


def _tone(told: Bulletin) -> str:
    return {"none": "accent", "maintenance": "planned"}.get(told.incident.impact, told.incident.impact.value)


def _moment(instant: Instant, timezone: str) -> str:
    """`2026-11-21 14:05 CET`: read alike in every language."""
    return f"{to_datetime(instant).astimezone(zone_named(timezone)):%Y-%m-%d %H:%M %Z}"


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("openalert.notifiers"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
