"""What a source is: one inbound format, its way to recognise a body and its way to read it."""

from collections.abc import Callable
from typing import Any

import msgspec

from openalert.domain.alert import Signal
from openalert.domain.errors import Invalid, TooLarge
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
    confirm: dict[str, Any] | None = None
    """The question of a sender that wants to know that its messages are wanted: Amazon SNS's, as it came."""


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """One inbound format. `looks_like` must be cheap and must not raise on any decoded value."""

    name: str
    looks_like: Callable[[Any, Inbound], bool]
    parse: Callable[[Any, Inbound], Reading]
    """Decoded body to signals; raises `Invalid` when nothing in it can be used, and nothing else."""
    batches: bool = False
    """One message may hold several alerts that share nothing but their delivery."""
    templated: bool = False
    """People write the body themselves, so that on its own path any object is read that no other source knows."""


class Nothing(msgspec.Struct, frozen=True):
    """A good message that is no alert: a test of the connection, a comment, a state that says nothing."""

    reason: str


Read = Callable[[dict[str, Any], Inbound], Signal | Nothing]


def source_of(
    name: str,
    looks_like: Callable[[dict[str, Any], Inbound], bool],
    read: Read,
    *,
    templated: bool = False,
) -> Source:
    """A source whose message is one alert, from the two functions of an object that make it.

    `read` may count on an object and on nothing else. Several of them in a list, as proxies and some senders collect
    them, are read one by one; what is no object is skipped.
    """

    def recognises(body: Any, inbound: Inbound) -> bool:
        if type(body) is list:
            body = next((item for item in body if type(item) is dict), None)
        return type(body) is dict and looks_like(body, inbound)

    def parse(body: Any, inbound: Inbound) -> Reading:
        if type(body) is dict:
            found = read(body, inbound)
            return Reading(name, note=found.reason) if isinstance(found, Nothing) else Reading(name, [found])
        return read_each(name, body, lambda item: read(item, inbound))

    return Source(name=name, looks_like=recognises, parse=parse, templated=templated)


def read_each(name: str, items: list[Any], read: Callable[[dict[str, Any]], Signal | Nothing]) -> Reading:
    """Every object of a list; raises `Invalid` when there is none."""
    if len(items) > MOST:
        raise TooLarge(f"The message holds more than {MOST} alerts. Send fewer per message.", limit=MOST)
    reading = Reading(name)
    for index, item in enumerate(items):
        if type(item) is not dict:
            reading.skipped.append(Skipped(index, "It is not an object."))
        elif isinstance(found := read(item), Nothing):
            reading.note = reading.note or found.reason
        else:
            reading.signals.append(found)
    if not reading.signals and not reading.note:
        raise Invalid("The list holds no alert. Send the alert as a JSON object, or a list of such.")
    return reading
