"""A mail as an object, for whoever reads alerts from it: sender, subject, words, the headers that matter.

Formats: RFC 5322 and MIME by the standard library. Attachments are named and left out.
"""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parseaddr
from typing import Any

from openalert.sources import mail, text

MEDIA_TYPE = "message/rfc822"
_LONGEST_HEADER = 1_000
_MOST_HEADERS = 60
_MOST_ATTACHMENTS = 20


def document(content: bytes, envelope_sender: str = "") -> dict[str, Any]:
    """The mail in these bytes. What cannot be decoded is left out, never an error."""
    message: EmailMessage = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
    headers = _headers(message)
    name, address = parseaddr(headers.get("from", ""))
    return {
        "subject": text.storable(headers.get("subject", "")),
        "from": (address or envelope_sender).lower(),
        "fromName": name,
        "to": [found.lower() for _, found in getaddresses([headers.get("to", "")])[:20] if found],
        "date": headers.get("date", ""),
        "messageId": headers.get("message-id", ""),
        "inReplyTo": headers.get("in-reply-to", ""),
        "text": text.storable(mail.words_of(message)),
        "headers": headers,
        "attachments": _attachments(message),
        "isReport": message.get_content_type() == "multipart/report",
    }


def _headers(message: EmailMessage) -> dict[str, str]:
    """By lower-case name, the first of each."""
    found: dict[str, str] = {}
    for name in list(dict.fromkeys(key.lower() for key in message.keys()))[:_MOST_HEADERS]:  # noqa: SIM118 - headers repeat
        found[text.storable(name)[:100]] = text.storable(mail.header(message, name)[:_LONGEST_HEADER])
    return found


def _attachments(message: EmailMessage) -> list[str]:
    names: list[str] = []
    try:
        for part in message.iter_attachments():
            names.append(text.storable(str(part.get_filename() or part.get_content_type()))[:200])
            if len(names) == _MOST_ATTACHMENTS:
                break
    except (ValueError, KeyError, AttributeError, IndexError, TypeError, LookupError):
        # What a broken part is called does not matter.
        return names
    return names
