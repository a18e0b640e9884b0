"""An alert that comes as a mail: any tool that can do nothing but write mails.

There is no format to go by: what is certain is the sender and the subject. Whether it is over, and how bad it is,
stands in the subject, in the places where the tools of the field put it: `[FIRING:1] …`, `PROBLEM: …`, `… is DOWN`,
`Resolved in 5m: …`. What is left of the subject without those words and without numbers is, with the sender, the
identity of the alert, so that the mail about the end finds the alert that the mail about the beginning made. Lines like
`Host: db1` become labels.
"""

import re
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import within
from openalert.sources.mail_document import MEDIA_TYPE
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "email"

_MOST_LINES = 200
_MOST_LABELS = 30
_ANSWER = re.compile(r"\s*(?:re|fw|fwd|aw|wg|sv|tr)\s*(?:\[\d+\])?\s*:\s*", re.IGNORECASE)
_BRACKETS = re.compile(r"\[([^\][]{1,60})\]")
_WORD = re.compile(r"[^\W\d_]+(?:[-_][^\W\d_]+)*")
_AFTER = re.compile(r"\b(?:is|now|:|state|status|->|=>|to)\s*:?\s*([^\W\d_]+)\W*$", re.IGNORECASE)
_DURATION = re.compile(
    r"\b(?:in|for|after|since)\s+(?:\d+\s*(?:y|mo|w|d|h|m|s|min|sec)[a-z]*\b[\s,]*)+", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?<![\w.-])[#(]?\d+(?:[.,:/-]\d+)*\s*(?:%|°\w?|[kmgt]?i?b|ms|s|min)?(?![\w-])", re.IGNORECASE
)
_LINE = re.compile(r"\s*([A-Za-z][\w .()/-]{0,39}?)\s*[:=]\s+(\S.*)")
_AUTOMATIC = {"auto-replied", "auto-notified"}
_URGENT = {"1", "2", "high", "urgent"}
_SPACES = re.compile(r"[\s\W_]+")


def _looks_like(body: dict[str, Any], inbound: Inbound) -> bool:
    kind = inbound.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == MEDIA_TYPE and "subject" in body and "messageId" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    headers = within(body, "headers")
    if reason := _unwanted(body, headers):
        return Nothing(reason)
    subject = _ANSWER.sub("", text.line(body.get("subject")), count=5)
    sender, said = text.scalar(body.get("from")), text.scalar(body.get("text"))
    lines = _lines(said)
    key = text.scalar(headers.get("x-openalert-key"))
    places = _places(subject)
    return normal.signal(
        NAME,
        inbound.received_at,
        status=_status(places),
        severity=_severity(places, lines, headers),
        title=(subject, said, f"Mail from {sender}" if sender else ""),
        key=identity.key(key) or identity.digest(NAME, sender, _skeleton(subject) or subject),
        description=said,
        labels={"sender": sender} | lines,
        annotations={"attachments": ", ".join(map(text.scalar, body.get("attachments") or ()))},
    )


def _unwanted(body: dict[str, Any], headers: dict[str, Any]) -> str:
    """Why a mail is no alert; "" for one that may be."""
    if "x-openalert-incident" in headers:
        return "It is a mail of OpenAlert itself: taking it in would go round in a circle."
    submitted = text.scalar(headers.get("auto-submitted")).partition(";")[0].strip().lower()
    if submitted in _AUTOMATIC or "x-autoreply" in headers or "x-autorespond" in headers:
        return "It is an automatic answer, such as one of somebody who is away."
    if body.get("isReport") is True:
        return "It is the report of a mail that could not be delivered."
    return ""


def _places(subject: str) -> list[str]:
    """Where tools put the words that count, the most telling first."""
    found = [word for inside in _BRACKETS.findall(subject) for word in _WORD.findall(inside)]
    rest = _BRACKETS.sub(" ", subject)
    plain = _WORD.findall(rest)
    found += plain[:1]
    if last := _AFTER.search(rest):
        found.append(last[1])
    found += [word for word in plain if len(word) > 1 and word.isupper()]
    return found


def _status(places: list[str]) -> SignalStatus:
    """What the first telling word says; a mail that says nothing of it is about something that has begun."""
    return next((status for word in places if (status := words.status(word))), SignalStatus.FIRING)


def _severity(places: list[str], lines: dict[str, str], headers: dict[str, Any]) -> Severity | None:
    for name in ("severity", "priority", "urgency", "level"):
        if level := words.severity(lines.get(name, "")):
            return level
    for word in places:
        if level := words.level_in_status(word):
            return level
    urgent = {
        text.scalar(headers.get(name)).strip().lower()[:6].split(" ")[0]
        for name in ("importance", "x-priority", "priority")
    }
    return Severity.HIGH if urgent & _URGENT else None


def _skeleton(subject: str) -> str:
    """The subject without what changes while it is the same alert: state, severity, numbers, durations."""
    kept = _DURATION.sub(" ", subject)
    kept = _BRACKETS.sub(lambda found: " " if _says_only_state(found[1]) else found[0], kept)
    kept = _NUMBER.sub(" ", kept)
    kept = _WORD.sub(lambda found: " " if _is_state(found[0]) else found[0], kept)
    return _SPACES.sub(" ", kept).strip().casefold()


def _says_only_state(inside: str) -> bool:
    return all(_is_state(word) for word in _WORD.findall(inside))


def _is_state(word: str) -> bool:
    return words.status(word) is not None or words.severity(word) is not None


def _lines(said: str) -> dict[str, str]:
    """Lines that name something and say what it is."""
    found: dict[str, str] = {}
    for line in said.splitlines()[:_MOST_LINES]:
        match = _LINE.fullmatch(line)
        if match and len(found) < _MOST_LABELS:
            found.setdefault(_SPACES.sub("_", match[1]).strip("_").lower(), match[2].strip())
    return found


SOURCE = source_of(NAME, _looks_like, _read)
