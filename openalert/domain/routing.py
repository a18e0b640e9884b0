"""RoutingRule: what a team decides about its alerts before they page: when it applies, and what it does."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.matching import Operator
from openalert.domain.quiet import QuietWindow
from openalert.domain.severity import Severity

MOST_RULES = 200
"""Of one team, those of its integrations among them."""
MOST_CONDITIONS = 50
"""Of one rule, however deep they stand."""
DEEPEST = 4
MOST_VALUES = 100
LONGEST_VALUE = 200
MOST_FIELDS = 5
MOST_TAGS = 10
LONGEST_TAG = 60
MOST_OF_THRESHOLD = 100
LONGEST_WINDOW_MINUTES = 24 * 60
LONGEST_DELAY_MINUTES = 24 * 60
LONGEST_SUPPRESSION_MINUTES = 30 * 24 * 60
FIELDS = ("source", "integration", "service", "severity", "title")
"""What alerts can be told apart by, beside `label:NAME`."""
LABEL = "label:"


class TextPlace(StrEnum):
    """Which text of an alert is meant."""

    ANY = "any"
    TITLE = "title"
    DESCRIPTION = "description"


class TextOperator(StrEnum):
    """How a text is searched."""

    CONTAINS = "contains"
    """Somewhere in it, in whatever case."""
    MATCHES = "matches"
    """A regular expression of RE2 fits some part of it."""


class Priority(StrEnum):
    """How soon it is wanted, whatever its severity: P1 first."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class ThresholdSide(StrEnum):
    """On which side of a threshold a rule applies."""

    REACHED = "reached"
    BELOW = "below"


class _Condition(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", forbid_unknown_fields=True
):
    """What an alert has to be."""


class AllOf(_Condition, frozen=True, kw_only=True, tag="all"):
    """Every one of some conditions; of none: every alert."""

    conditions: "tuple[Condition, ...]" = ()


class AnyOf(_Condition, frozen=True, kw_only=True, tag="any"):
    """At least one of some conditions."""

    conditions: "tuple[Condition, ...]"


class Not(_Condition, frozen=True, kw_only=True, tag="not"):
    """The opposite of a condition."""

    condition: "Condition"


class SourceIs(_Condition, frozen=True, kw_only=True, tag="source"):
    """It was read by one of these sources: `prometheus`, `zabbix`."""

    values: tuple[str, ...]


class SeverityIs(_Condition, frozen=True, kw_only=True, tag="severity"):
    """Its severity is one of these, as the rules before have left it."""

    values: tuple[Severity, ...]


class LabelFits(_Condition, frozen=True, kw_only=True, tag="label"):
    """A label compares as Prometheus compares it; one that is missing is empty."""

    name: str
    operator: Operator = Operator.EQUAL
    value: str


class TextFits(_Condition, frozen=True, kw_only=True, tag="text"):
    """Its title or description holds some words, or a regular expression fits them."""

    place: TextPlace = TextPlace.ANY
    operator: TextOperator = TextOperator.CONTAINS
    value: str


class HasTag(_Condition, frozen=True, kw_only=True, tag="tag"):
    """It has one of these tags, by the rules before."""

    values: tuple[str, ...]


class CameBy(_Condition, frozen=True, kw_only=True, tag="integration"):
    """It came in by one of these integrations."""

    values: tuple[str, ...]


class OfService(_Condition, frozen=True, kw_only=True, tag="service"):
    """It belongs to one of these services, as the rules before have left it."""

    values: tuple[str, ...]


class Hours(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """From a time to another, on the days on which it begins; past midnight where the end is not later."""

    days: tuple[int, ...]
    """0 = Sunday … 6 = Saturday."""
    from_time: str
    """`HH:MM`."""
    to_time: str

    @property
    def window(self) -> QuietWindow:
        """The same as a window of the week."""
        return QuietWindow(days=self.days, from_time=self.from_time, to_time=self.to_time)


class InTime(_Condition, frozen=True, kw_only=True, tag="time"):
    """It comes within hours of the week, between two dates, or both, by the clocks of a zone."""

    timezone: str
    windows: tuple[Hours, ...] = ()
    """None: at any hour."""
    from_date: str | None = None
    """`YYYY-MM-DD`, the first day."""
    to_date: str | None = None
    """`YYYY-MM-DD`, the last day."""


Condition: TypeAlias = (
    AllOf | AnyOf | Not | SourceIs | SeverityIs | LabelFits | TextFits | HasTag | CameBy | OfService | InTime
)
Group: TypeAlias = AllOf | AnyOf


class Threshold(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """So many alerts that fit the condition within so many minutes, each kind of them counted by itself."""

    count: int
    minutes: float
    by: tuple[str, ...] = ()
    """Fields that tell the kinds apart; none: all are counted together."""
    side: ThresholdSide = ThresholdSide.REACHED
    """`reached`: it applies from the so-manieth on; `below`: it applies to those before."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Keep it from paging, but on the list."""

    minutes: float | None = None
    """None: until it is resolved."""


class Actions(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """What a rule does with an alert; the last rule that sets a thing has its way."""

    service_id: str | None = None
    """The service that answers for it."""
    severity: Severity | None = None
    priority: Priority | None = None
    """The same scale in other words: stored as the severity."""
    tags: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    """Fields: alerts of one service that are equal in them are one incident, in place of the source's own group."""
    suppress: Suppression | None = None
    delay_minutes: float | None = None
    """Held so long; what resolves meanwhile pages nobody."""
    drop: bool = False
    """Its message is kept with the reason, and there is no alert."""


class RuleBody(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule applies, and what it does."""

    condition: Condition = AllOf()
    threshold: Threshold | None = None
    actions: Actions
    stop: bool = False
    """Whether no later rule is asked about an alert to which it applied."""


class RoutingRule(msgspec.Struct, kw_only=True):
    """A row of `routing_rules`."""

    id: str
    organization_id: str
    team_id: str
    integration_id: str | None = None
    """The integration whose alerts it is about; None: those of the whole team, after the integration's own."""
    name: str
    position: int
    """Its place among the rules of the same integration, or of the team; the first is 1."""
    is_enabled: bool = True
    body: RuleBody
    created_at: Instant
    updated_at: Instant


class Subject(msgspec.Struct, kw_only=True):
    """What rules know of an alert that would begin."""

    source: str
    severity: Severity
    title: str
    description: str
    labels: dict[str, str]
    tags: list[str]
    integration_id: str
    service_id: str
    at: Instant
