"""A mail that came in: its words as plain text, and whether a person wrote it.

Formats: RFC 5322 and MIME by the standard library. Whether it was sent by a machine: RFC 3834 (`Auto-Submitted`), the
empty return path of bounces, and the headers of those who do not know it.
"""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser

import msgspec

LONGEST = 20_000
"""So many characters of a mail are read; an answer is in the first line or two."""
_NOT_BY_A_PERSON = {"bulk", "junk", "list", "auto_reply"}
_MACHINE_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From", "X-Failed-Recipients", "List-Id")
_BREAKS = {"br", "p", "div", "li", "tr", "h1", "h2", "h3", "hr", "table"}
_HIDDEN = {"style", "script", "head", "title", "blockquote"}
_QUOTES = ("gmail_quote", "moz-cite-prefix", "yahoo_quoted", "divrplyfwdmsg", "appendonsend")
_VOID = {"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr"}


class Mail(msgspec.Struct, frozen=True):
    """What is read of a mail."""

    text: str
    """Its text, with quotes and signature as they stand; of HTML without what it marks as quoted."""
    message_id: str
    is_automatic: bool
    """A machine sent it: out of office, a bounce, a list."""


def read(content: bytes, sender: str) -> Mail:
    """The mail in these bytes; `sender` is that of the envelope. What cannot be decoded is left out, never an error."""
    message: EmailMessage = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
    return Mail(
        text=words_of(message),
        message_id=header(message, "Message-ID"),
        is_automatic=not sender.strip("<> ") or _is_automatic(message),
    )


def header(message: EmailMessage, name: str) -> str:
    """The raw header, also when it cannot be parsed."""
    try:
        return str(message.get(name, "")).strip()
    except (ValueError, IndexError, AttributeError, UnicodeError):
        return "?"


def _is_automatic(message: EmailMessage) -> bool:
    submitted = header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    precedence = header(message, "Precedence").lower()
    return (
        submitted not in ("", "no")
        or precedence in _NOT_BY_A_PERSON
        or message.get_content_type() == "multipart/report"
        or any(name in message for name in _MACHINE_HEADERS)
    )


def words_of(message: EmailMessage) -> str:
    """The text of a mail, at most `LONGEST` characters; of HTML without what it marks as quoted."""
    return _text(message)[:LONGEST]


def _text(message: EmailMessage) -> str:
    try:
        part = message.get_body(preferencelist=("plain", "html"))
    except (ValueError, KeyError, AttributeError, IndexError):
        return ""
    if part is None:
        return ""
    try:
        content = part.get_content()
    except (LookupError, ValueError, KeyError, UnicodeError):
        # An encoding that nobody knows: what is ASCII in it is enough for an answer.
        raw = part.get_payload(decode=True)
        content = raw.decode("ascii", "ignore") if isinstance(raw, bytes) else ""
    if part.get_content_type() == "text/html":
        return _of_html(str(content)[: LONGEST * 20])
    return str(content)


def _of_html(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    reader.close()
    return "".join(reader.words)


class _Words(HTMLParser):
    """The words outside of quotes, styles and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden: list[str] = []
        """Open elements from the outermost hidden one inwards."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins: a line may end, or what is hidden begin."""
        if tag in _BREAKS:
            self.words.append("\n")
        quotes = " ".join(value or "" for name, value in attrs if name in ("class", "id")).lower()
        if tag not in _VOID and (self._hidden or tag in _HIDDEN or any(name in quotes for name in _QUOTES)):
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """An element ends, and with it those inside that nobody closed."""
        if tag in _BREAKS:
            self.words.append("\n")
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Text; its line breaks mean nothing."""
        if not self._hidden:
            self.words.append(" ".join(data.split("\n")))
