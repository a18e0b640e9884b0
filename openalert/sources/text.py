"""Foreign text made fit to show and to store: titles, descriptions, labels and links.

Titles end up in mail headers, text messages and terminals, so line breaks, control characters, bidirectional
overrides and invisible characters are taken out once, here. Labels stay as they were sent.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec

TITLE = 255
DESCRIPTION = 16_384
LABELS = 64
LABEL = 1_024
ANNOTATION = 4_096
LINK = 2_048
_MOST_PAIRS = 1_000

_PLACEHOLDERS = frozenset(
    {
        "none",
        "null",
        "nil",
        "undefined",
        "nan",
        "<no value>",
        "[no value]",
        "<nil>",
        "(null)",
        "[object object]",
    }
)
_REMEMBERED = 0x2100
"""Characters below are remembered: most scripts and no more than some thousand."""
_SPACED = frozenset(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"))
_JOINERS = frozenset({0x200C, 0x200D})
_STRAY_JOINER = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")


class _OneLine(dict[int, str | int | None]):
    """`str.translate` table: separators become a space, what cannot be seen is dropped, the rest stays."""

    def __missing__(self, code: int) -> str | int | None:
        becomes = self.becomes(code)
        if code < _REMEMBERED:
            self[code] = becomes
        return becomes

    def becomes(self, code: int) -> str | int | None:
        """What stands for one character."""
        if code in _SPACED:
            return " "
        kind = unicodedata.category(chr(code))
        if kind[0] == "Z":
            return " "
        if kind in {"Cc", "Cs"} or (kind == "Cf" and code not in _JOINERS):
            return None
        return code


class _Paragraphs(_OneLine):
    """As `_OneLine`, but line breaks and tabs stay."""

    def becomes(self, code: int) -> str | int | None:
        """As in one line, but for what makes paragraphs."""
        return code if code in {0x09, 0x0A} else super().becomes(code)


_ONE_LINE = _OneLine()
_PARAGRAPHS = _Paragraphs()


def line(value: Any, limit: int = TITLE) -> str:
    """One clean line of at most `limit` characters; "" for anything but text that says something."""
    if not isinstance(value, str):
        return ""
    if not value.isprintable():
        # Joiners belong to emoji and to scripts beyond ASCII; between ASCII letters they only deceive.
        value = _without_stray_joiners(value[: limit * 8]).translate(_ONE_LINE)
    if "  " in value or value[:1] == " " or value[-1:] == " ":
        value = " ".join(value[: limit * 8].split())
    if len(value) <= 16 and value.casefold() in _PLACEHOLDERS:
        return ""
    return value if len(value) <= limit else cut(value, limit)


def paragraphs(value: Any, limit: int = DESCRIPTION) -> str:
    """Text of several lines without control and invisible characters; "" for anything but text."""
    if not isinstance(value, str):
        return ""
    value = value[: limit * 2]
    if not value.isprintable():
        value = value.replace("\r\n", "\n").replace("\r", "\n")
        # Most texts that are not printable have several lines and nothing else that would be changed.
        if not value.replace("\n", "").replace("\t", "").isprintable():
            value = _without_stray_joiners(value).translate(_PARAGRAPHS)
    value = value.strip()
    if len(value) <= 16 and value.casefold() in _PLACEHOLDERS:
        return ""
    return cut(value, limit)


def _without_stray_joiners(value: str) -> str:
    """Hardly any text has joiners, and to look at every place for one costs more than all the rest."""
    return _STRAY_JOINER.sub("", value) if "\u200c" in value or "\u200d" in value else value


def cut(value: str, limit: int) -> str:
    """`value` itself, or its beginning and "…", together `limit` characters."""
    return value if len(value) <= limit else value[: limit - 1].rstrip() + "…"


def scalar(value: Any) -> str:
    """A JSON value as the text a label holds: objects and lists as compact JSON, null as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except (OverflowError, ValueError):
        # Integers beyond 64 bits.
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def storable(value: str) -> str:
    """`value` without U+0000 and lone surrogates, which databases and UTF-8 do not take."""
    if value.isascii() and "\x00" not in value:
        return value
    return value.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def texts(value: Any) -> dict[str, str]:
    """Labels in any of the shapes senders use, complete and uncut; {} when there are none.

    An object; a list of `{key, value}` or `{name, value}` objects, of `k:v` or `k=v` strings, or of plain
    tags; or a comma-separated string of such. Members that are null say nothing and are left out.
    """
    if isinstance(value, str):
        value = [part for part in value.split(",", LABELS) if part.strip()]
    if isinstance(value, list):
        value = dict(pair for item in value[:_MOST_PAIRS] if (pair := _pair(item)))
    if not isinstance(value, Mapping):
        return {}
    return {key: scalar(member) for key, member in value.items() if member is not None}


def _pair(item: Any) -> tuple[str, Any] | None:
    if isinstance(item, Mapping):
        key = item.get("key", item.get("name"))
        if not isinstance(key, str):
            return None
        member = item.get("value")
        if isinstance(member, Mapping) and len(member) == 1:
            # As OpenTelemetry has it: the value is an object whose one member is named after its type.
            member = next(iter(member.values()))
        return key, member
    if not isinstance(item, str):
        return None
    item = item.strip()
    mark = min((at for sign in ":=" if (at := item.find(sign)) > 0), default=0)
    return (item[:mark].strip(), item[mark + 1 :].strip()) if mark else (item, "true")


def kept(values: dict[str, str], limit: int = LABEL) -> dict[str, str]:
    """At most `LABELS` members, each name and value cut to what is stored in columns."""
    return {cut(key, LABEL): cut(values[key], limit) for _, key in zip(range(LABELS), values, strict=False)}


_WEB = ("http://", "https://")


def link(label: str, href: Any) -> dict[str, str] | None:
    """`{"label", "href"}` for an absolute http or https address; None for anything else."""
    if not isinstance(href, str) or not href or len(href) > LINK:
        return None
    href = href.strip()
    is_web = href.startswith(_WEB) or href[:8].lower().startswith(_WEB)
    if is_web and href.isprintable() and " " not in href:
        return {"label": label, "href": href}
    return None
