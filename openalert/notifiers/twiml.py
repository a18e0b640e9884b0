"""TwiML: what Twilio says, asks and answers on our behalf. Every text is escaped; there is no way to write a tag.

Source: twilio.com/docs/voice/twiml and /messaging/twiml. XML 1.0 section 2.2 says which characters there may be.
"""

import re
from xml.sax.saxutils import escape, quoteattr

from openalert.notifiers.twilio import encodable

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(*verbs: str) -> str:
    """A whole answer to Twilio, made of the verbs of this module."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(verbs)}</Response>'


def say(text: str) -> str:
    """Speak this."""
    return f'<Say language="en-US">{_text(text)}</Say>' if text else ""


def pause(seconds: int = 1) -> str:
    """Be silent."""
    return f'<Pause length="{seconds}"/>'


def gather(action: str, *verbs: str, seconds: int) -> str:
    """Say this and wait for one key, which goes to the address `action`; without a key what follows is done."""
    return (
        f'<Gather input="dtmf" numDigits="1" timeout="{seconds}" method="POST" action={quoteattr(_clean(action))}>'
        f"{''.join(verbs)}</Gather>"
    )


def redirect(to: str) -> str:
    """Go on with what that address answers."""
    return f'<Redirect method="POST">{_text(to)}</Redirect>'


def hang_up() -> str:
    """End the call."""
    return "<Hangup/>"


def message(text: str) -> str:
    """Send this back to whoever wrote."""
    return f"<Message>{_text(text)}</Message>" if text else ""


def _text(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    return _NOT_XML.sub(" ", encodable(text))
