"""Reachability: whether a page would arrive at somebody, by how many ways, and what the weakest point is.

A way is proven by what comes back from it: an answer to a message, a receipt of its delivery, "I got it" on a test
page. That a provider took a message proves nothing about the telephone at its end.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.instant import DAY, Instant, to_datetime
from openalert.domain.user import ContactMethod

PROOF_LASTS = 60 * DAY
"""So long a proof counts; telephones are changed, apps removed and rules for mail written in that time."""

WITH_RECEIPTS = frozenset({"sms", "voice"})
"""Their providers report what arrived: until then, that they took a message says nothing."""
_TELEPHONE = "telephone"


class MethodState(StrEnum):
    """How one way to reach somebody stands."""

    UNVERIFIED = "unverified"
    """Nothing is sent there."""
    VERIFIED = "verified"
    """It is the person's, and no message has come back from it yet."""
    PROVEN = "proven"
    STALE = "stale"
    """The last proof is older than 60 days."""
    FAILING = "failing"
    """The last message did not arrive."""


class ReachState(StrEnum):
    """Whether a page would arrive."""

    REACHABLE = "reachable"
    DOUBTFUL = "doubtful"
    """It may: of all ways that work none was proven or verified within 60 days."""
    UNREACHABLE = "unreachable"


class MethodReach(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach somebody, and how it stands."""

    id: str
    type: str
    address: str
    label: str
    state: MethodState
    proven_at: Instant | None
    failing_since: Instant | None
    last_failure: str | None

    @property
    def words(self) -> str:
        """What people call it; never its address: `Work phone`, else `SMS`."""
        return self.label or (CONTACT_KINDS[self.type].words if self.type in CONTACT_KINDS else self.type)


class Reachability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether and how somebody is reached."""

    state: ReachState
    ways: int
    """How many ways work that do not fail together: SMS and calls to one number are one."""
    weakest: str
    """The weakest point, one sentence without addresses; empty where there is none."""
    methods: tuple[MethodReach, ...] = ()


def of_method(method: ContactMethod, now: Instant) -> MethodReach:
    """How one way stands."""
    return MethodReach(
        id=method.id,
        type=method.type,
        address=method.address,
        label=method.label,
        state=_state(method, now),
        proven_at=method.last_proven_at,
        failing_since=method.failing_since,
        last_failure=method.last_failure,
    )


def of_person(methods: Sequence[ContactMethod], now: Instant, *, is_active: bool = True) -> Reachability:
    """How somebody with these ways stands."""
    seen = tuple(of_method(each, now) for each in methods)
    working = [each for each in seen if each.state not in (MethodState.UNVERIFIED, MethodState.FAILING)]
    ways = len({_independent(each) for each in working}) if is_active else 0
    if ways == 0:
        state = ReachState.UNREACHABLE
    elif any(each.state is not MethodState.STALE for each in working):
        state = ReachState.REACHABLE
    else:
        state = ReachState.DOUBTFUL
    return Reachability(
        state=state,
        ways=ways,
        weakest=_weakest(seen, working, ways) if is_active else "Switched off: nothing is sent.",
        methods=seen,
    )


def _state(method: ContactMethod, now: Instant) -> MethodState:
    if method.verified_at is None:
        return MethodState.UNVERIFIED
    if method.failing_since is not None:
        return MethodState.FAILING
    # Entering the code that was sent there is a proof too; so is the provider's own word at linking.
    proven_at = max(method.last_proven_at or 0, method.verified_at)
    if now - proven_at > PROOF_LASTS:
        return MethodState.STALE
    return MethodState.PROVEN if method.last_proven_at is not None else MethodState.VERIFIED


def _independent(method: MethodReach) -> str:
    """What fails together has one name: everything by telephone to one number, mail of one domain, each other kind."""
    if method.type in WITH_RECEIPTS:
        return f"{_TELEPHONE} {method.address}"
    if method.type == "email":
        return f"email {method.address.rpartition('@')[2].casefold()}"
    return f"{method.type} {method.address}" if method.type == "apprise" else method.type


def _weakest(seen: Sequence[MethodReach], working: Sequence[MethodReach], ways: int) -> str:
    failing = [each for each in seen if each.state is MethodState.FAILING]
    if ways == 0 and failing:
        return f"Every way fails: {_listed(failing)} since {_day(_since(failing))}."
    if ways == 0:
        return "No way is verified." if seen else "There is no way to reach them."
    if failing:
        verb = "fails" if len({each.words for each in failing}) == 1 else "fail"
        return f"{_listed(failing)} {verb} since {_day(_since(failing))}."
    stale = [each for each in working if each.state is MethodState.STALE]
    if stale:
        verb = "was" if len({each.words for each in stale}) == 1 else "were"
        return f"{_listed(stale)} {verb} not proven for 60 days; answering a test page does."
    if ways == 1:
        return f"There is only one way: {_listed(working)}."
    if all(each.state is MethodState.VERIFIED for each in working):
        return "No message was answered yet; answering a test page proves that it arrives."
    return ""


def _since(failing: Sequence[MethodReach]) -> Instant:
    return min(each.failing_since or 0 for each in failing)


def _listed(methods: Sequence[MethodReach]) -> str:
    words = list(dict.fromkeys(each.words for each in methods))
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _day(at: Instant) -> str:
    day = to_datetime(at)
    return f"{day.day} {day:%B}"
