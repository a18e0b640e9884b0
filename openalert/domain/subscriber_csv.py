"""Lists of subscribers as CSV: our own, what Statuspage exports, the form in which it imports, and lists of addresses.

Every line is read or refused by itself, with a reason and its number, so that a list of ten thousand is mended and not
guessed. Whoever left or was quarantined there is never written to from here.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from openalert.domain.chat_hook import Chat, chat_of
from openalert.domain.errors import Invalid
from openalert.domain.outgoing_webhook import check_url
from openalert.domain.status_page import Component
from openalert.domain.status_subscriber import SubscriberKind, SubscriberState, address_key
from openalert.domain.user import check_email

LARGEST = 4 << 20
"""Bytes of a list."""
MOST_LINES = 50_000
HEADER = ("kind", "address", "contact", "state", "components", "language", "confirmed_at", "created_at")
"""The columns of our own lists."""

_NAMES = {
    "kind": ("kind", "type", "mode", "method", "channel", "subscribertype"),
    "email": ("email", "emailaddress", "mail", "address", "recipient", "target", "subscriberemail"),
    "url": ("url", "endpoint", "webhook", "webhookurl", "subscriberwebhook"),
    "contact": ("contact", "contactemail"),
    "phone": ("phone", "phonenumber", "displayphonenumber", "number"),
    "state": ("state", "status", "confirmed", "isconfirmed", "issubscriptionconfirmed"),
    "components": ("components", "component", "componentids", "componentnames", "services"),
    "quarantined": ("quarantinedat", "quarantined"),
    "unsubscribed": ("unsubscribedat", "unsubscribed", "isunsubscribed"),
    "language": ("language", "locale"),
}
_COLUMN = {name: column for column, names in _NAMES.items() for name in names}
_KINDS = {
    "email": SubscriberKind.EMAIL,
    "mail": SubscriberKind.EMAIL,
    "webhook": SubscriberKind.WEBHOOK,
    "slack": SubscriberKind.SLACK,
    "teams": SubscriberKind.TEAMS,
    "msteams": SubscriberKind.TEAMS,
}
_UNKNOWN_KINDS = {
    "sms": "OpenAlert sends no text messages to subscribers",
    "phone": "OpenAlert sends no text messages to subscribers",
    "integrationpartner": "a partner's subscription cannot be moved",
    "rss": "feeds need no subscription",
}
_STATES = {
    SubscriberState.ACTIVE: ("", "active", "confirmed", "subscribed", "enabled", "yes", "true", "1"),
    SubscriberState.PENDING: ("pending", "unconfirmed", "invited", "no", "false", "0"),
    SubscriberState.QUARANTINED: ("quarantined", "bounced", "disabled", "failing"),
    SubscriberState.UNSUBSCRIBED: ("unsubscribed", "suppressed", "removed", "deleted", "complained"),
}
_STATE = {word: state for state, words in _STATES.items() for word in words}
_STRONGER = tuple(_STATES)
"""A later one wins where a list has the same address twice: nobody is written to by a mistake of a list."""
_NOTHING = {"", "no", "false", "0", "null", "none", "nil"}
_EVERY = {"", "*", "all", "null", "none", "[]"}
_ESCAPED = re.compile(r"'(?=[\s\u00a0\u200b\ufeff]*[=+\-@\t\r＝＋－＠])")
_SEPARATOR = re.compile(r"sep=(.)", re.IGNORECASE)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was understood."""

    line: int
    kind: SubscriberKind
    address: str
    """A mail address, or the URL of the other kinds."""
    contact: str = ""
    state: SubscriberState = SubscriberState.ACTIVE
    component_ids: tuple[str, ...] | None = None
    """None: everything on the page."""
    language: str | None = None

    @property
    def key(self) -> str:
        """Equal for what is the same subscriber."""
        return address_key(self.kind, self.address)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was not."""

    line: int
    why: str
    """A sentence without a full stop."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a list says."""

    entries: tuple[Entry, ...]
    """Each subscriber once."""
    problems: tuple[Problem, ...]
    repeated: int
    """Lines about somebody of whom another line had told."""


def read(content: bytes, components: Sequence[Component]) -> Reading:
    """The subscribers of a list, for a page with these components; Invalid for what is no list at all."""
    text = _text(content)
    delimiter, text, skipped = _delimiter(text)
    lines = list(_lines(text, delimiter, skipped))
    if not lines:
        raise Invalid("The file is empty: it needs a line for each subscriber.", field="file")
    if len(lines) > MOST_LINES + 1:
        raise Invalid(f"The file has more than {MOST_LINES} lines: import it in parts.", field="file")
    columns = _columns(lines[0][1])
    known = _Components(components)
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    repeated = 0
    for number, cells in lines[1:] if columns else lines:
        try:
            entry = _entry(number, _named(cells, columns), known)
        except Invalid as refused:
            problems.append(Problem(line=number, why=refused.message.rstrip(".")))
            continue
        before = entries.get(entry.key)
        repeated += before is not None
        entries[entry.key] = entry if before is None else one_of(before, entry)
    return Reading(entries=tuple(entries.values()), problems=tuple(problems), repeated=repeated)


def one_of(before: Entry, entry: Entry) -> Entry:
    """Of two lines about the same subscriber the one that sends less."""
    return max(before, entry, key=lambda each: _STRONGER.index(each.state))


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Invalid(f"The file is larger than {LARGEST >> 20} MB: import it in parts.", field="file")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in content:
        raise Invalid("The file is no text: save the table as CSV.", field="file")
    else:
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        # What spreadsheets in Western Europe and America write; it knows nearly every byte.
        text = content.decode("cp1252", "replace")
    if "\0" in text:
        raise Invalid("The file is no text: save the table as CSV.", field="file")
    return text.removeprefix("\ufeff")


def _delimiter(text: str) -> tuple[str, str, int]:
    """What separates cells, the text without the line by which a spreadsheet says so, and how many lines that were."""
    first, _, rest = text.partition("\n")
    if said := _SEPARATOR.fullmatch(first.strip()):
        return said[1], rest, 1
    line = next((line for line in text.splitlines() if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", line)
    return max(",;\t|", key=unquoted.count), text, 0


def _lines(text: str, delimiter: str, skipped: int) -> Iterable[tuple[int, list[str]]]:
    """Lines that say something, with the number at which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins + skipped, [_ESCAPED.sub("", cell, count=1).strip() for cell in cells]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Invalid(
            f"Line {begins + skipped} opens a quotation mark that nothing closes, or has text behind one.",
            field="file",
        ) from error


def _columns(cells: Sequence[str]) -> list[str | None]:
    """What each column is, by the first line; empty if that is a subscriber already."""
    if any("@" in cell or "://" in cell for cell in cells) or _folded(cells[0]) in _UNKNOWN_KINDS:
        return []
    found = [_COLUMN.get(_folded(cell)) for cell in cells]
    if not {"email", "url", "phone"} & set(found):
        raise Invalid(
            "The first line names no column that we know: it needs one called email or endpoint.",
            field="file",
        )
    return found


def _named(cells: Sequence[str], columns: Sequence[str | None]) -> dict[str, str]:
    """The cells by column; without names as Statuspage imports them: kind, address, and what belongs to the kind."""
    if not columns:
        if len(cells) == 1 or "@" in cells[0]:
            return {"email": cells[0]}
        second = "email" if _folded(cells[0]) in ("email", "mail") else "url"
        more = {"contact": cells[2]} if second == "url" and len(cells) > 2 else {}
        return {"kind": cells[0], second: cells[1]} | more
    if len(cells) > len(columns) and any(cells[len(columns) :]):
        raise Invalid(f"has {len(cells)} cells, but the first line names {len(columns)}")
    named: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=False):
        if column and not named.get(column):
            named[column] = cell
    return named


def _entry(number: int, cells: Mapping[str, str], components: "_Components") -> Entry:
    kind = _kind(cells)
    email, url = cells.get("email", ""), cells.get("url", "")
    if kind is SubscriberKind.EMAIL:
        address, contact = _email(email), ""
    else:
        address = _url(kind, url or email)
        contact = cells.get("contact", "") or (email if url else "")
        contact = _email(contact) if contact or kind is SubscriberKind.WEBHOOK else ""
    return Entry(
        line=number,
        kind=kind,
        address=address,
        contact=contact,
        state=_state(cells),
        component_ids=components.ids(cells.get("components", "")),
        language=cells.get("language") or None,
    )


def _kind(cells: Mapping[str, str]) -> SubscriberKind:
    said = _folded(cells.get("kind", ""))
    if not said:
        if cells.get("url"):
            return SubscriberKind.WEBHOOK
        if cells.get("phone") and not cells.get("email"):
            raise Invalid(_UNKNOWN_KINDS["sms"])
        return SubscriberKind.EMAIL
    if said in _UNKNOWN_KINDS:
        raise Invalid(_UNKNOWN_KINDS[said])
    if said not in _KINDS:
        raise Invalid(f"the kind “{_shown(cells['kind'])}” is not known: email, webhook, slack or teams")
    return _KINDS[said]


def _email(address: str) -> str:
    if not address:
        raise Invalid("has no e-mail address")
    try:
        return check_email(address)
    except Invalid:
        raise Invalid(f"“{_shown(address)}” is not an e-mail address") from None


def _url(kind: SubscriberKind, url: str) -> str:
    if not url:
        raise Invalid("has no address to post to")
    chat = {SubscriberKind.SLACK: Chat.SLACK, SubscriberKind.TEAMS: Chat.TEAMS}.get(kind)
    if chat is not None and chat_of(url) is not chat:
        raise Invalid(f"the address is no webhook of {chat.words}; a subscription of an app cannot be moved")
    try:
        return check_url(url)
    except Invalid:
        raise Invalid("the address must begin with https:// or http:// and hold no user name") from None


def _state(cells: Mapping[str, str]) -> SubscriberState:
    if _folded(cells.get("unsubscribed", "")) not in _NOTHING:
        return SubscriberState.UNSUBSCRIBED
    if _folded(cells.get("quarantined", "")) not in _NOTHING:
        return SubscriberState.QUARANTINED
    said = cells.get("state", "")
    if _folded(said) not in _STATE:
        raise Invalid(
            f"the state “{_shown(said)}” is not known: active, pending, quarantined or unsubscribed"
        )
    return _STATE[_folded(said)]


class _Components:
    """The components of a page by everything by which a list may name them."""

    def __init__(self, components: Sequence[Component]) -> None:
        self._known: dict[str, str] = {}
        for each in reversed(components):
            self._known |= {_name(each.name): each.id, each.public_id: each.id, each.id: each.id}

    def ids(self, cell: str) -> tuple[str, ...] | None:
        """Those that a cell names, in its order; None: all; Invalid for one that the page does not have."""
        if cell.strip().lower() in _EVERY:
            return None
        if _name(cell) in self._known:
            return (self._known[_name(cell)],)
        found: dict[str, None] = {}
        for part in _parts(cell):
            if _name(part) not in self._known:
                raise Invalid(f"the component “{_shown(part)}” is not on this page")
            found[self._known[_name(part)]] = None
        return tuple(found) or None


def _parts(cell: str) -> list[str]:
    if cell.startswith("["):
        try:
            return msgspec.json.decode(cell, type=list[str])
        except msgspec.MsgspecError:
            cell = cell.strip("[]")
    sign = next((sign for sign in ";|\n" if sign in cell), ",")
    return [part.strip().strip("\"'") for part in cell.split(sign) if part.strip()]


def _name(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _folded(text: str) -> str:
    return re.sub(r"[\s_\-.\"]", "", text).lower()


def _shown(text: str) -> str:
    """What somebody wrote, short enough for a sentence."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown if len(shown) <= 60 else shown[:59] + "…"
