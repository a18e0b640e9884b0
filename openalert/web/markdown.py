"""The Markdown that people write, as HTML in which nothing of theirs acts: every character is escaped first.

A small part of CommonMark: headings, lists with one level, tick boxes, quotes, fenced code, paragraphs; inside of them
bold, emphasis, code, links to http and https. Whatever else somebody types is shown as they typed it.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup

_HEADING = re.compile(r"(#{1,6})\s+(\S.*)$")
_BULLET = re.compile(r"\s*[-*+]\s+(.*)$")
_NUMBERED = re.compile(r"\s*\d{1,4}[.)]\s+(.*)$")
_BOX = re.compile(r"\[( |x|X)\](?:\s+|$)")
_FENCE = "```"
_MARK = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|\[(?P<words>[^\[\]\n]{1,200})\]\((?P<href>https?://[^\s()<>\"]{1,1000})\)"
    r"|(?<![\w/])(?P<bare>https?://[^\s()<>\"]{1,1000})"
    r"|\*\*(?=\S)(?P<bold>[^*\n]+?)(?<=\S)\*\*"
    r"|(?<![\w*])(?P<sign>[*_])(?=\S)(?P<soft>[^*_\n]+?)(?<=\S)(?P=sign)(?![\w*])"
)
_AFTER_LINKS = ".,;:!?'"
_LINK = Markup('<a class="link" href="{}" rel="noopener noreferrer nofollow">{}</a>')


def html(text: str, below: int | None = None) -> Markup:
    """The text as blocks of HTML; its headings are all of the rank `below` that of what it stands under, if given."""
    return Markup("\n").join(_blocks(text.replace("\r\n", "\n").split("\n"), below))


def _blocks(lines: list[str], below: int | None) -> Iterator[Markup]:
    plain: list[str] = []
    code: list[str] | None = None
    for line in lines:
        if line.strip().startswith(_FENCE):
            if code is None:
                yield from _texts(plain, below)
                plain, code = [], []
            else:
                yield _code(code)
                code = None
        elif code is not None:
            code.append(line)
        else:
            plain.append(line)
    yield from _texts(plain, below)
    if code is not None:
        yield _code(code)


def _code(lines: list[str]) -> Markup:
    return Markup("<pre><code>{}</code></pre>").format("\n".join(lines))


def _texts(lines: list[str], below: int | None) -> Iterator[Markup]:
    """Lines of one kind that follow one another are one block."""
    for kind, group in groupby(lines, _kind):
        block = list(group)
        if kind == "heading":
            yield from (_heading(line, below) for line in block)
        elif kind in ("ul", "ol"):
            items = Markup("").join(_item(line) for line in block)
            yield Markup("<{0}>{1}</{0}>").format(kind, items)
        elif kind == "quote":
            yield Markup("<blockquote>{}</blockquote>").format(
                _inline(" ".join(line.lstrip("> ") for line in block))
            )
        elif kind == "text":
            yield Markup("<p>{}</p>").format(_inline("\n".join(line.strip() for line in block)))


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if _HEADING.match(line):
        return "heading"
    if _BULLET.match(line):
        return "ul"
    if _NUMBERED.match(line):
        return "ol"
    return "quote" if line.startswith(">") else "text"


def _heading(line: str, below: int | None) -> Markup:
    """The page has a heading of the first rank and cards those of the second: these come below."""
    found = _HEADING.match(line)
    marks, words = (found[1], found[2]) if found else ("", line)
    rank = min(6, len(marks) + 2 if below is None else below + 1)
    # Not a part of the expression: looking for the end again from each character is quadratic work.
    closed = words.rstrip().rstrip("#").rstrip() or words
    return Markup("<h{0}>{1}</h{0}>").format(rank, _inline(closed))


def _item(line: str) -> Markup:
    found = _BULLET.match(line) or _NUMBERED.match(line)
    words = found[1] if found else line
    box = _BOX.match(words)
    if box is None:
        return Markup("<li>{}</li>").format(_inline(words))
    sign = "\N{BALLOT BOX}" if box[1] == " " else "\N{BALLOT BOX WITH CHECK}"
    return Markup("<li class='box'>{} {}</li>").format(sign, _inline(words[box.end() :]))


def _inline(text: str) -> Markup:
    """Words with the marks in them; whatever is put together here is escaped as it is put in."""
    parts: list[Markup] = []
    at = 0
    for found in _MARK.finditer(text):
        parts += [_plain(text[at : found.start()]), _marked(found)]
        at = found.end()
    return Markup("").join([*parts, _plain(text[at:])])


def _marked(found: re.Match[str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    if found["href"]:
        return _LINK.format(found["href"], found["words"])
    if found["bare"]:
        address = found["bare"].rstrip(_AFTER_LINKS)
        return _LINK.format(address, address) + found["bare"][len(address) :]
    if found["bold"]:
        return Markup("<strong>{}</strong>").format(_inline(found["bold"]))
    return Markup("<em>{}</em>").format(_inline(found["soft"]))


def _plain(text: str) -> Markup:
    return Markup("<br>").join(text.split("\n"))
