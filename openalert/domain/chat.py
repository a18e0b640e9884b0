"""Chats: the code that proves an account in one, and what a button there says when it is pressed."""

import re
import secrets

import msgspec

from openalert.domain.action import Verb
from openalert.domain.instant import MINUTE, Instant

CODE_LASTS = 10 * MINUTE
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without letters and digits that look like one another."""
_LENGTH = 12
_CODE = re.compile(rf"[{_ALPHABET}]{{{_LENGTH}}}")

GOT = "got"
"""The button "I got it" of a test page: no verb, because it is about no incident."""
_LETTERS: dict[str, str] = {
    Verb.ACKNOWLEDGE: "a",
    Verb.RESOLVE: "r",
    Verb.ESCALATE: "e",
    Verb.SNOOZE: "s",
    Verb.HAND_ON: "h",
    Verb.JOIN: "j",
    Verb.DECLINE: "d",
    GOT: "g",
}
_VERBS = {letter: verb for verb, letter in _LETTERS.items()}
_ID = re.compile(r"[0-9a-f-]{36}")


class ChatCode(msgspec.Struct, kw_only=True):
    """A code on its way; a row of `chat_codes`."""

    hash: str
    kind: str
    user_id: str
    address: str
    expires_at: Instant


def new_code() -> str:
    """A code of twelve characters that people can type: 58 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def read_code(text: str) -> str | None:
    """The code that somebody typed, in any case and with blanks or dashes in it; None: it is none."""
    plain = re.sub(r"[\s-]", "", text[:40]).upper()
    return plain if _CODE.fullmatch(plain) else None


def shown_code(code: str) -> str:
    """The code in groups of four."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4))


def button(verb: str, notification_id: str) -> str | None:
    """What the button carries, 37 characters; None for a verb that only its link does."""
    letter = _LETTERS.get(verb)
    return f"{letter}{notification_id}" if letter else None


def read_button(data: str) -> tuple[str, str] | None:
    """The verb, or GOT, and the notification of a button of ours; None for anything else."""
    verb = _VERBS.get(data[:1])
    return (verb, data[1:]) if verb and _ID.fullmatch(data[1:]) else None
