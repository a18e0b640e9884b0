"""Why a message did not arrive, for people: what is stored begins with a word for programs, what is read does not."""

import re

WORDS = {
    "unreachable": "No connection",
    "timeout": "Too slow",
    "tls_failed": "No safe connection",
    "refused": "Not taken",
    "rejected_recipient": "Address not accepted",
    "auth_failed": "Our sign-in was refused",
    "rate_limited": "Too many at once",
    "provider_failed": "Trouble at the provider",
    "bad_response": "An answer that makes no sense",
    "gone": "The address is gone",
    "blocked_address": "A network that we do not send to",
    "misconfigured": "",
    "loop": "It went round in a circle",
}
"""What each reason of `notifiers.notifier.Reason` is called; empty where the sentence after it says it all."""
_BEFORE_A_SENTENCE = re.compile(rf"(?:^|(?<=\. )|(?<=\())({'|'.join(WORDS)}): (.?)")


def in_words(stored: str | None) -> str:
    """`rejected_recipient: Twilio 21614 …` as `Address not accepted: Twilio 21614 …`; other sentences as they are."""
    return _BEFORE_A_SENTENCE.sub(_said, stored or "")


def _said(found: re.Match[str]) -> str:
    words = WORDS[found[1]]
    return f"{words}: {found[2]}" if words else found[2].upper()
