"""AuditEntry: who did what to what, in one chain of hashes; its canonical form, and what of a change it keeps."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain.instant import MINUTE, Instant, rfc3339

FORMAT = "openalert-audit-1"
"""The first value of every canonical form: names these rules."""
GENESIS = "0" * 64
"""`previous_hash` of the first entry."""
CHANGED = "(changed, not shown)"
"""Stands in `after` for a member whose values are nobody's to read."""
LONGEST_TEXT = 1_000
MOST_ITEMS = 100
LONGEST_SIDE = 16_384
"""Characters of JSON in `before` or `after`; more is replaced by the names of the members."""
DEEPEST = 6

_SECRET = re.compile(
    r"password|passphrase|secret|token|hash|credential|private|headers|(^|_)codes?(_|$)", re.I
)
_NOISE = frozenset(
    {
        "id",
        "organization_id",
        "created_at",
        "updated_at",
        "deleted_at",
        "email_key",
        "version_id",
        "policy_id",
    }
)
"""Members that change with every act or never, and so say nothing."""
_INSTANTS = frozenset({"until", "valid_from", "effective_from", "effective_until"})
_DURATIONS = frozenset({"delay", "repeat_delay"})

Subject = msgspec.Struct | Mapping[str, Any] | None
"""What an act found or left: a struct with the members of the thing, or just some members."""


class AuditEntry(msgspec.Struct, kw_only=True):
    """One act; a row of `audit_log`, never changed. The order of the members is that of the canonical form."""

    seq: int = 0
    """1, 2, 3 … for the whole installation, without a gap."""
    at: Instant
    organization_id: str | None
    """None for what concerns no organization, such as a sign-in as somebody who does not exist."""
    team_id: str | None
    actor_kind: str
    actor_id: str | None
    actor_name: str
    """As it was then: people are renamed, and what they did stays readable."""
    address: str
    """The client's address, behind trusted proxies; empty for what came by no request."""
    request_id: str
    """As in the answer's `X-Request-ID` and in the server's log."""
    act: str
    """`service.updated`: the noun and what became of it."""
    target_kind: str
    target_id: str | None
    target_name: str
    before: str = "{}"
    """JSON object: the members that changed, as they were."""
    after: str = "{}"
    """JSON object: the members that changed, as they are now; or facts about the act."""
    previous_hash: str = ""
    hash: str = ""

    @property
    def changes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """`before` and `after`, decoded."""
        return msgspec.json.decode(self.before), msgspec.json.decode(self.after)


class Head(msgspec.Struct, frozen=True):
    """Where the chain ends; `seq` 0 and the genesis hash before the first entry."""

    seq: int = 0
    hash: str = GENESIS


def canonical(entry: AuditEntry) -> bytes:
    """What is hashed: a JSON array of the format's name and every member but `hash`, in their order, as UTF-8.

    No spaces; non-ASCII characters stand as they are; `before` and `after` are strings that hold JSON text. In
    Python: `json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()`.
    """
    return msgspec.json.encode([FORMAT, *msgspec.structs.astuple(entry)[:-1]])


def digest(entry: AuditEntry) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(entry)).hexdigest()


def link(entries: Sequence[AuditEntry], head: Head) -> Head:
    """Number and chain new entries behind the head, in their order; the head that is then."""
    for entry in entries:
        entry.seq = head.seq + 1
        entry.previous_hash = head.hash
        entry.hash = digest(entry)
        head = Head(entry.seq, entry.hash)
    return head


def broken_link(entry: AuditEntry, head: Head) -> str | None:
    """Why this entry, as it was read, does not follow the head; None when it does."""
    if entry.seq != head.seq + 1:
        missing = f"{head.seq + 1}" if entry.seq == head.seq + 2 else f"{head.seq + 1} to {entry.seq - 1}"
        return f"entry {missing} is missing: {entry.seq} follows {head.seq}"
    if entry.previous_hash != head.hash:
        return f"entry {entry.seq} does not follow entry {head.seq}: one of them is not what it was"
    if entry.hash != digest(entry):
        return f"entry {entry.seq} was altered: its hash is not that of its contents"
    return None


def differences(before: Subject, after: Subject) -> tuple[str, str]:
    """The members that differ, as JSON texts `before` and `after`: without secrets, cut where they are long.

    With one side None the other is told whole, but for what is empty. A difference that only secrets make is
    told as `CHANGED`.
    """
    old, new = _members(before), _members(after)
    both = before is not None and after is not None
    told_before: dict[str, Any] = {}
    told_after: dict[str, Any] = {}
    for name in {**old, **new}:
        was, is_now = old.get(name), new.get(name)
        if name in _NOISE or was == is_now:
            continue
        if not both:
            was, is_now = _unless_usual(was), _unless_usual(is_now)
        shown, was, is_now = _shown(name), _told(name, was), _told(name, is_now)
        if both and was == is_now:
            told_after[shown] = CHANGED
            continue
        if both or not _is_empty(was):
            told_before[shown] = was
        if both or not _is_empty(is_now):
            told_after[shown] = is_now
    return (
        _text(told_before if before is not None else {}),
        _text(told_after if after is not None else {}),
    )


def fit(text: str, most: int = 200) -> str:
    """The text as every database takes it: at most `most` characters, no NUL, nothing that is not Unicode."""
    return text.encode(errors="replace").decode().replace("\0", "")[:most]


def _members(subject: Subject) -> dict[str, Any]:
    if subject is None:
        return {}
    if isinstance(subject, Mapping):
        return dict(subject)
    return {name: getattr(subject, name) for name in subject.__struct_fields__}


def _unless_usual(value: Any) -> Any:
    """The value; None for settings of which nobody has set any."""
    if isinstance(value, msgspec.Struct) and not any(
        getattr(value, field.name) != field.default for field in msgspec.structs.fields(value)
    ):
        return None
    return value


def _shown(name: str) -> str:
    """A member's name as the API has it."""
    first, *rest = name.split("_")
    camel = first + "".join(word.capitalize() for word in rest)
    return f"{camel}Minutes" if name in _DURATIONS else camel


def _told(name: str, value: Any, depth: int = 0) -> Any:
    """A member's value as plain JSON; None for a secret."""
    if _SECRET.search(name) and not isinstance(value, bool):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        if name.endswith("_at") or name in _INSTANTS:
            return rfc3339(value)
        if name in _DURATIONS:
            return round(value / MINUTE, 3)
    if name == "url" and isinstance(value, str):
        return _where(value)
    return _plain(value, depth)


def _where(url: str) -> str:
    """Scheme and host: the path of a webhook is often all the secret that it has."""
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return "…"
    rest = parts.path.strip("/") or parts.query or parts.username
    return f"{parts.scheme}://{host}" + ("/…" if rest else "")


def _plain(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
    if isinstance(value, (msgspec.Struct, Mapping)):
        members = {name: part for name, part in _members(value).items() if not _is_secret(str(name), part)}
        struct = isinstance(value, msgspec.Struct)
        return {
            (_shown(name) if struct else str(name)): _told(str(name), part, depth + 1)
            for name, part in members.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_plain(item, depth + 1) for item in list(value)[:MOST_ITEMS]]
        return items if len(value) <= MOST_ITEMS else [*items, f"… and {len(value) - MOST_ITEMS} more"]
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


def _is_secret(name: str, value: Any) -> bool:
    return bool(_SECRET.search(name)) and not isinstance(value, bool)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _text(side: dict[str, Any]) -> str:
    text = msgspec.json.encode(side).decode(errors="replace")
    if len(text) <= LONGEST_SIDE:
        return text
    return msgspec.json.encode({"tooLongToKeep": sorted(side)}).decode()
