"""Inbound formats: one file each, from the body of a message to normalised signals.

`read` is the way in. A new format is a file with a `SOURCE`, its line in `SOURCES` at the place where
detection should try it (most specific first), its payloads and their contract test.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import msgspec

from openalert.domain import hops
from openalert.domain.alert import Signal
from openalert.domain.errors import Invalid
from openalert.domain.service import PayloadContext
from openalert.domain.severity import Severity
from openalert.sources import (
    alibaba_cms,
    axiom,
    azure,
    body,
    checkly,
    checkmk,
    cloudwatch,
    dash0,
    datadog,
    dynatrace,
    elastic,
    email,
    gcp,
    generic,
    github,
    gitlab,
    grafana,
    graylog,
    honeybadger,
    icinga,
    identity,
    kapacitor,
    librato,
    librenms,
    nagios,
    netdata,
    newrelic,
    opsgenie,
    opsgenie_api,
    pagerduty,
    pagerduty_events,
    pingdom,
    prometheus,
    rollbar,
    sensu,
    sentry,
    signalfx,
    site24x7,
    splunk,
    statuspage,
    text,
    thousandeyes,
    updown,
    uptimekuma,
    uptimerobot,
    words,
    zabbix,
)
from openalert.sources.mapping import Looked, Mapped, look
from openalert.sources.source import Inbound, Reading, Skipped, Source

__all__ = [
    "DETECT",
    "SEEN_HEADERS",
    "SOURCES",
    "USUAL",
    "Habits",
    "Inbound",
    "Looked",
    "Reading",
    "Skipped",
    "Source",
    "context_of",
    "detect",
    "looked",
    "named",
    "present_habits",
    "read",
    "understand",
    "using",
]


class Habits(msgspec.Struct, frozen=True):
    """How the messages of one integration are read, beyond what its source says."""

    severities: dict[str, Severity] = {}
    """The integration's own words for how bad it is; they go before everything that a source knows."""
    mapping: Mapped | None = None
    """Where alerts are in a body that no source knows."""


USUAL = Habits()
"""Nothing of its own."""
_HABITS: ContextVar[Habits] = ContextVar("habits of the integration", default=USUAL)


def present_habits() -> Habits:
    """Those of the integration whose message is being read."""
    return _HABITS.get()


def using(habits: Habits) -> AbstractContextManager[None]:
    """While messages of one integration are read, whatever dialect they come in: by its own habits."""
    return _AS_USUAL if habits is USUAL else _by(habits)


_AS_USUAL = nullcontext()


@contextmanager
def _by(habits: Habits) -> Iterator[None]:
    token = _HABITS.set(habits)
    try:
        yield
    finally:
        _HABITS.reset(token)


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        email.SOURCE,
        cloudwatch.SOURCE,
        azure.SOURCE,
        pagerduty_events.SOURCE,
        pagerduty.SOURCE,
        sentry.SOURCE,
        github.SOURCE,
        gitlab.SOURCE,
        grafana.SOURCE,
        prometheus.SOURCE,
        updown.SOURCE,
        thousandeyes.SOURCE,
        checkly.SOURCE,
        datadog.SOURCE,
        uptimekuma.SOURCE,
        gcp.SOURCE,
        uptimerobot.SOURCE,
        pingdom.SOURCE,
        newrelic.SOURCE,
        opsgenie.SOURCE,
        opsgenie_api.SOURCE,
        statuspage.SOURCE,
        sensu.SOURCE,
        graylog.SOURCE,
        splunk.SOURCE,
        dynatrace.SOURCE,
        kapacitor.SOURCE,
        librenms.SOURCE,
        checkmk.SOURCE,
        icinga.SOURCE,
        nagios.SOURCE,
        zabbix.SOURCE,
        netdata.SOURCE,
        elastic.SOURCE,
        honeybadger.SOURCE,
        librato.SOURCE,
        rollbar.SOURCE,
        signalfx.SOURCE,
        site24x7.SOURCE,
        alibaba_cms.SOURCE,
        axiom.SOURCE,
        dash0.SOURCE,
        generic.SOURCE,
    )
}
"""Every format by name, in the order of detection; the last one takes what no other recognises."""

DETECT = "v1"
"""The name in a path that stands for "find out which"."""


def read(name: str, content: bytes, inbound: Inbound, *, limit: int = body.LIMIT) -> Reading:
    """What a message says, read as the source `name`, or as the one it looks like when `name` is `DETECT`.

    Pure, no I/O. Raises `Invalid`, `TooLarge` or `Unsupported` for what can never be read, and nothing
    else, whatever the bytes are. `name` must be in `SOURCES` or `DETECT`.
    """
    return understand(name, body.decode(content, inbound, limit), inbound)


def understand(name: str, value: Any, inbound: Inbound) -> Reading:
    """What a decoded body says; as `read`, for those who have to look into a body before it is read."""
    habits = _HABITS.get()
    try:
        with words.own(habits.severities):
            source, reading = _parsed(name, value, inbound, habits.mapping)
    except RecursionError:
        raise Invalid("The body is nested too deeply to be an alert.") from None
    if inbound.query:
        _override(reading, source, inbound.query)
    return reading


def looked(content: bytes, inbound: Inbound, habits: Habits, *, limit: int = body.LIMIT) -> list[Looked]:
    """What each expression of a mapping finds in a body, for people who write one; refuses as `read` does."""
    if habits.mapping is None:
        return []
    value = body.decode(content, inbound, limit)
    with words.own(habits.severities):
        return look(habits.mapping, value)


_LOOKED_AT = (
    "content-encoding",
    "user-agent",
    "sentry-hook-resource",
    "x-amz-sns-message-type",
    "x-github-event",
    "x-gitlab-event",
    hops.HEADER.lower(),
)
SEEN_HEADERS = ("content-type", "authorization", *_LOOKED_AT)
"""Whatever else a request says of itself, it is read alike."""
_OVERRIDES = ("dedup", "severity", "service")
_NOTHING = PayloadContext()


def context_of(inbound: Inbound) -> PayloadContext:
    """What of a delivery is kept beside its body, so that it can be read again as it was: nothing that is secret."""
    headers = {
        name: text.storable(inbound.headers[name])[:200] for name in _LOOKED_AT if name in inbound.headers
    }
    query = {name: text.storable(inbound.query[name])[:200] for name in _OVERRIDES if name in inbound.query}
    return PayloadContext(headers, query) if headers or query else _NOTHING


def _parsed(name: str, value: Any, inbound: Inbound, mapping: Mapped | None) -> tuple[Source, Reading]:
    """The source that reads the body, and what it read; a mapping is for what is read by the names of its members."""
    if mapping is None:
        source = _source(name, value, inbound)
        return source, source.parse(value, inbound)
    # Whoever writes a mapping knows the body better; but Amazon's question whether messages are wanted is no alert.
    is_own = name == generic.NAME and not cloudwatch.is_envelope(value)
    source = generic.SOURCE if is_own else _source(name, value, inbound)
    if source is generic.SOURCE:
        return source, generic.mapped(value, inbound, mapping)
    return source, source.parse(value, inbound)


_ALSO = {
    "alertmanager": prometheus.NAME,
    "amazonsns": cloudwatch.NAME,
    "aws": cloudwatch.NAME,
    "azuremonitor": azure.NAME,
    "googlecloud": gcp.NAME,
    "grafanaalerting": grafana.NAME,
    "grafanalegacy": grafana.NAME,
    "grafanaoncall": generic.NAME,
    "icinga2": icinga.NAME,
    "inboundemail": email.NAME,
    "json": generic.NAME,
    "kibana": elastic.NAME,
    "mail": email.NAME,
    "naemon": nagios.NAME,
    "sns": cloudwatch.NAME,
    "stackdriver": gcp.NAME,
    "vmalert": prometheus.NAME,
    "webhook": generic.NAME,
}
_BY_SPELLING = {name.replace("_", ""): name for name in (*SOURCES, DETECT)} | _ALSO


@lru_cache(maxsize=256)
def named(name: str) -> str | None:
    """The source, or `DETECT`, that a name in an address means in any usual spelling, such as `Uptime-Kuma`."""
    return _BY_SPELLING.get(name.replace("_", "").replace("-", "").replace(".", "").lower())


def detect(value: Any, inbound: Inbound) -> Source:
    """The first source that recognises a decoded body; raises `Invalid` for what holds no alert at all."""
    for source in SOURCES.values():
        if source.looks_like(value, inbound):
            return source
    raise Invalid("The body is neither a JSON object nor a list of objects, so it holds no alert.")


def _source(name: str, value: Any, inbound: Inbound) -> Source:
    """The source the path names, unless the body is plainly of another kind: nothing may be lost."""
    if name == DETECT:
        return detect(value, inbound)
    named = SOURCES[name]
    if named is generic.SOURCE:
        return detect(value, inbound) if _is_unmistakable(value) else named
    if named is prometheus.SOURCE and grafana.looks_like(value, inbound):
        return grafana.SOURCE
    if named.looks_like(value, inbound):
        return named
    found = detect(value, inbound)
    if named is grafana.SOURCE and found is prometheus.SOURCE:
        return named
    return named if named.templated and found is generic.SOURCE and isinstance(value, dict) else found


def _is_unmistakable(value: Any) -> bool:
    """Alertmanager's groups and the envelopes of Amazon SNS hold several alerts or none, whatever the path says."""
    return prometheus.is_message(value) or cloudwatch.is_envelope(value)


def _override(reading: Reading, source: Source, query: dict[str, str]) -> None:
    """Lets the URL say what a fixed body cannot: `?severity=` of all alerts, `?dedup=` of one."""
    if (word := query.get("severity")) is not None:
        if severity := words.severity(word):
            for signal in reading.signals:
                signal.severity = severity
        else:
            reading.note = f'The severity "{text.line(word, 40)}" in the address is not known.'
    if key := identity.key(text.storable(query.get("dedup", ""))):
        if source.batches or len(reading.signals) > 1:
            reading.note = "`dedup` in the address is for senders of one alert per message; it was ignored."
            return
        reading.signals = [_renamed(signal, key) for signal in reading.signals]


def _renamed(signal: Signal, key: str) -> Signal:
    group = key if signal.group == signal.fingerprint else signal.group
    return msgspec.structs.replace(signal, fingerprint=key, group=group)
