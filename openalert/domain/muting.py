"""Muting: what maintenance windows and silences have in common: for which alerts of a team they are meant."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY
from openalert.domain.matching import Matcher, fits

LONGEST = 90 * DAY
"""How long something may mute without a break: whoever wants more wants a rule, or the alert gone."""
MOST_SERVICES = 100

Covers: TypeAlias = Callable[[str, Mapping[str, str]], bool]
"""Whether an alert of this service of the team, with these labels and `matching.facts`, is meant."""


class Muting(Protocol):
    """A maintenance window or a silence."""

    @property
    def team_id(self) -> str:
        """Whose alerts it is about."""
        ...

    @property
    def service_ids(self) -> tuple[str, ...]:
        """Those of these services; empty: of every service of the team, also of one that is made later."""
        ...

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """Those that all of these fit; empty: every one."""
        ...


def covers(muting: Muting) -> Covers:
    """The test of a window or silence among the alerts of its team, made once and asked for every alert."""
    services, fit = frozenset(muting.service_ids), fits(muting.matchers)
    return lambda service_id, labels: (not services or service_id in services) and fit(labels)


def matches_everything(muting: Muting) -> bool:
    """Whether no alert of the team is left, as far as that can be seen without looking at alerts."""
    fit = fits(muting.matchers)
    # A label that nobody has and one of an odd value: only what fits everything fits both.
    return (
        not muting.service_ids and fit({}) and fit(dict.fromkeys((m.name for m in muting.matchers), "\x1a"))
    )


def services_of(ids: Sequence[str]) -> tuple[str, ...]:
    """The services in one order, each once; Invalid when there are too many."""
    if len(ids) > MOST_SERVICES:
        raise Invalid(f"serviceIds: at most {MOST_SERVICES} services; name none for all.", field="serviceIds")
    return tuple(sorted(set(ids)))
