"""What a source is: one inbound format, its way to recognise a body and its way to read it."""

from collections.abc import Callable
from typing import Any

import msgspec

from openalert.domain.alert import Signal
from openalert.domain.instant import Instant

MOST = 10_000
"""Alerts in one message; a storm of a large Alertmanager group is some hundreds."""


class Inbound(msgspec.Struct, kw_only=True, frozen=True):
    """Everything about a delivery but its body."""

    headers: dict[str, str] = {}
    """Names in lower case."""
    query: dict[str, str] = {}
    """Decoded parameters of the URL; of repeated ones the last."""
    received_at: Instant


class Skipped(msgspec.Struct, frozen=True):
    """One item of a readable body that could not be read itself, and why."""

    index: int
    reason: str


class Reading(msgspec.Struct):
    """What one body said: the signals in its own order, and what had to be left out."""

    source: str
    """The source that read it, which need not be the one the path named."""
    signals: list[Signal] = []
    skipped: list[Skipped] = []
    note: str | None = None
    """A sentence for people, such as why a good body holds nothing to do."""


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """One inbound format. `looks_like` must be cheap and must not raise on any decoded value."""

    name: str
    looks_like: Callable[[Any, Inbound], bool]
    parse: Callable[[Any, Inbound], Reading]
    """Decoded body to signals; raises `Invalid` when nothing in it can be used, and nothing else."""
    batches: bool = False
    """One message may hold several alerts that share nothing but their delivery."""
