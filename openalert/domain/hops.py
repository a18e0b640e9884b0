"""Hops: how many OpenAlert instances a piece of news has passed, so that those that tell each other come to an end."""

from collections.abc import Mapping

HEADER = "X-OpenAlert-Hop"
"""On every webhook: how many instances the news has passed, the sending one counted."""
MOST = 3
"""News that has passed so many is told to no further instance."""


def passed(headers: Mapping[str, str]) -> int:
    """How many it had passed when it reached us, by the headers of its request (in lower case); `MOST` at most."""
    text = headers.get(HEADER.lower(), "")
    return min(int(text), MOST) if text.isascii() and text.isdigit() and len(text) < 10 else 0
