"""What one body of a named source says, for the tests of what is peculiar to a source."""

import json
from typing import Any

from openalert.domain.alert import Signal
from openalert.sources import DETECT, Inbound, Reading, read
from tests.sources import payloads
from tests.sources.payloads import NOW


def reading(source: str, body: Any, headers: dict[str, str] | None = None) -> Reading:
    """The reading of a body on the address of a source."""
    return read(source, json.dumps(body).encode(), Inbound(headers=headers or {}, received_at=NOW))


def one(source: str, body: Any, headers: dict[str, str] | None = None) -> Signal:
    """The only alert in a body, which detection reads alike."""
    (signal,) = reading(source, body, headers).signals
    (detected,) = reading(DETECT, body, headers).signals
    assert signal.source == source
    assert detected == signal
    return signal


def sample(name: str, **changes: Any) -> Any:
    """A payload of the corpus with top-level members replaced; None takes one out."""
    body = json.loads(payloads.content(name))
    return {key: value for key, value in (body | changes).items() if value is not None}
