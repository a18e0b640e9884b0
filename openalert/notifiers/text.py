"""Texts from outside, made fit for a header, a log line or a mail: same words, nothing that acts.

Alert titles and labels are written by machines that nobody vets. A line break would end a mail header, a
bidirectional override would reverse the words after it, and a lone surrogate cannot be encoded at all: each
would stop or falsify the very message it belongs to. So they are removed here, and the message goes out.
"""

import unicodedata

ELLIPSIS = "…"

_KEPT_FORMAT = {"\u200c", "\u200d"}
"""Joiners: Persian and Indic words, and emoji made of several, fall apart without them."""


def one_line(text: str, limit: int) -> str:
    """`text` on one line, at most `limit` characters, ending in an ellipsis where it was cut."""
    return _cut(" ".join(_visible(text, keep="").split()), limit)


def paragraphs(text: str, limit: int) -> str:
    """`text` with its line breaks (at most one blank line in a row), at most `limit` characters."""
    lines = _visible(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n").split("\n")
    kept: list[str] = []
    for line in (line.rstrip() for line in lines):
        if line or (kept and kept[-1]):
            kept.append(line)
    return _cut("\n".join(kept).strip("\n"), limit)


def _visible(text: str, keep: str) -> str:
    """Control characters become spaces, invisible ones vanish, what cannot be encoded becomes U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character in keep else _safe(character) for character in text)


def _safe(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cs":
            return "\N{REPLACEMENT CHARACTER}"
        case "Cf" if character not in _KEPT_FORMAT:
            return ""
        case _:
            return character


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS
