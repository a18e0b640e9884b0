"""Postmortem: what people write down about an incident, in Markdown, so that it does not happen a second time."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant

LONGEST = 50_000
_OUTLINE = """## What happened

## What it did to others

## Why it happened

## What helped, and what was in the way

## What we do about it
- [ ]

## Timeline
"""


class Postmortem(msgspec.Struct, kw_only=True):
    """A row of `postmortems`."""

    incident_id: str
    body: str
    """Markdown as it was typed; shown by `web.markdown`, which lets nothing of it act."""
    updated_at: Instant
    updated_by_id: str | None = None
    updated_by_name: str


def check_body(text: str) -> str:
    """The text with its lines, without signs that nobody sees; Invalid when it is longer than `LONGEST`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(sign for sign in lines if sign.isprintable() or sign in "\n\t").strip()
    if len(kept) > LONGEST:
        raise Invalid(f"body has at most {LONGEST} characters.", field="body")
    return kept


def draft(happened: Sequence[tuple[datetime, str]]) -> str:
    """An outline to begin with, and what happened by the clock: instants as their reader sees them, the first first."""
    return _OUTLINE + "".join(f"- {at:%Y-%m-%d %H:%M} {said}\n" for at, said in happened)
