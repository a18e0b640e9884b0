"""The calculator of who is on call: layers first, then overrides in the order of their making."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeAlias

from openalert.domain.instant import Instant
from openalert.domain.override import Override, OverrideKind
from openalert.domain.plan import ImportedShift, OnCallPerson, OnCallSource, Plan, Shift
from openalert.domain.schedule import Rotation
from openalert.domain.turns import Turns, sooner, turns_at

Answer: TypeAlias = tuple[list[OnCallPerson], Instant | None]
"""Who is on, and a later instant before which that holds for certain; None: for ever."""


class Answering(Protocol):
    """What can say who is on at an instant."""

    def answer(self, at: Instant) -> Answer:
        """Who is on, and until when that surely holds."""


class Calculator:
    """One schedule's rotations, calendars and overrides, laid out for repeated questions."""

    def __init__(self, plan: Plan) -> None:
        schedule_id = plan.schedule.id
        self._rotations = sorted(
            (rotation for rotation in plan.rotations if rotation.schedule_id == schedule_id),
            key=lambda rotation: rotation.id,
        )
        overrides = sorted(
            (override for override in plan.overrides if override.schedule_id == schedule_id),
            key=lambda override: (override.created_at, override.id),
        )
        self._overrides = [override for override in overrides if not override.rotation_ids]
        self._scoped: dict[str, list[Override]] = {}
        for override in overrides:
            for rotation_id in override.rotation_ids:
                self._scoped.setdefault(rotation_id, []).append(override)
        self._calendars = _calendars(plan.imported)

    def answer(self, at: Instant) -> Answer:
        """What the layers say, and what the overrides make of it."""
        acting, bound = _acting(self._overrides, at)
        if acting and acting[0].kind in _WHATEVER_WAS:
            people: list[OnCallPerson] = []
        else:
            people, until = self._by_layers(at)
            bound = sooner(bound, until)
        return _overridden(people, acting, at, bound)

    def shadows(self, at: Instant, on: list[OnCallPerson]) -> list[OnCallPerson]:
        """The shadows of the moment, but for those who are `on` call themselves."""
        people, _ = self._shadows(at)
        known = {person.user_id for person in on}
        return [person for person in people if person.user_id not in known]

    def shadow_answer(self, at: Instant) -> Answer:
        """The shadows of the moment who are not on call, and until when that surely holds."""
        people, bound = self._shadows(at)
        if not people:
            return [], bound
        on, until = self.answer(at)
        known = {person.user_id for person in on}
        return [person for person in people if person.user_id not in known], sooner(bound, until)

    def _by_layers(self, at: Instant) -> Answer:
        """Everybody whom the highest layer that has somebody has on; lower layers are not even asked."""
        bound: Instant | None = None
        candidates: list[tuple[int, Rotation | _Calendar, Turns | None]] = []
        for rotation in self._rotations:
            turns, following = turns_at(rotation, at)
            bound = sooner(bound, following)
            if turns is not None and not turns.version.is_shadow:
                candidates.append((turns.version.layer, rotation, turns))
        candidates += [(calendar.layer, calendar, None) for calendar in self._calendars]
        candidates.sort(key=lambda candidate: -candidate[0])
        people: list[OnCallPerson] = []
        deciding = None
        for layer, source, turns in candidates:
            if people and layer != deciding:
                break
            deciding = layer
            if isinstance(source, _Calendar):
                given, until = source.answer(at)
            else:
                given, until = self._by_rotation(source, turns, at)
            bound = sooner(bound, until)
            _join(people, given)
        return people, bound

    def _shadows(self, at: Instant) -> Answer:
        bound: Instant | None = None
        people: list[OnCallPerson] = []
        for rotation in self._rotations:
            turns, following = turns_at(rotation, at)
            bound = sooner(bound, following)
            if turns is not None and turns.version.is_shadow:
                given, until = self._by_rotation(rotation, turns, at)
                bound = sooner(bound, until)
                _join(people, given)
        return people, bound

    def _by_rotation(self, rotation: Rotation, turns: Turns | None, at: Instant) -> Answer:
        """Whom one rotation has on, after the overrides of that rotation."""
        people, bound = _by_turn(rotation, turns, at)
        scoped = self._scoped.get(rotation.id)
        if scoped is None:
            return people, bound
        acting, until = _acting(scoped, at)
        return _overridden(people, acting, at, sooner(bound, until))


class Alone:
    """One rotation without layers and overrides."""

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def answer(self, at: Instant) -> Answer:
        """Whom the rotation has on at `at`."""
        turns, following = turns_at(self._rotation, at)
        people, until = _by_turn(self._rotation, turns, at)
        return people, sooner(following, until)


class Shadows:
    """The shadows of a schedule."""

    def __init__(self, plan: Plan) -> None:
        self._calculator = Calculator(plan)

    def answer(self, at: Instant) -> Answer:
        """Who is a shadow at `at`."""
        return self._calculator.shadow_answer(at)


class _Calendar:
    """The imported shifts of one layer, cut at every instant at which one begins or ends."""

    def __init__(self, layer: int, shifts_: list[ImportedShift]) -> None:
        self.layer = layer
        self._cuts = sorted({edge for shift in shifts_ for edge in (shift.start_at, shift.end_at)})
        self._people: list[list[OnCallPerson]] = [[] for _ in self._cuts]
        for shift in sorted(shifts_, key=lambda each: (each.feed_id, each.start_at, each.user_id)):
            person = OnCallPerson(user_id=shift.user_id, source=OnCallSource.CALENDAR, feed_id=shift.feed_id)
            first = bisect_right(self._cuts, shift.start_at) - 1
            for people in self._people[first : bisect_right(self._cuts, shift.end_at) - 1]:
                _join(people, [person])

    def answer(self, at: Instant) -> Answer:
        """Whom the calendars have on at `at`."""
        place = bisect_right(self._cuts, at)
        until = self._cuts[place] if place < len(self._cuts) else None
        return (self._people[place - 1] if place else []), until


def _calendars(imported: Iterable[ImportedShift]) -> list[_Calendar]:
    layers: dict[int, list[ImportedShift]] = {}
    for shift in imported:
        layers.setdefault(shift.layer, []).append(shift)
    return [_Calendar(layer, found) for layer, found in layers.items()]


_WHATEVER_WAS = frozenset({OverrideKind.REPLACE, OverrideKind.FIXED})
"""The kinds that say who is on, whoever was on before."""


def _acting(overrides: Iterable[Override], at: Instant) -> tuple[list[Override], Instant | None]:
    """The overrides that count at `at`, from the last that says who is on; and until when that surely holds."""
    acting: list[Override] = []
    bound: Instant | None = None
    for override in overrides:
        if at < override.start_at:
            bound = sooner(bound, override.start_at)
        elif at < override.end_at:
            bound = sooner(bound, override.end_at)
            if override.kind in _WHATEVER_WAS:
                acting.clear()
            acting.append(override)
    return acting, bound


def _overridden(
    people: list[OnCallPerson], acting: Iterable[Override], at: Instant, bound: Instant | None
) -> Answer:
    """The people after each override in turn."""
    for override in acting:
        if override.kind is OverrideKind.REPLACE:
            people = [_by_override(override, override.user_id)]
        elif override.kind is OverrideKind.FIXED:
            user_ids, until = override.fixed_at(at)
            people = [_by_override(override, user_id) for user_id in user_ids]
            bound = sooner(bound, until)
        elif override.kind is OverrideKind.COVER:
            people = _covered(people, override)
        elif override.kind is OverrideKind.ADD:
            people = _joined(people, [_by_override(override, override.user_id)])
        else:
            people = [person for person in people if person.user_id != override.user_id]
    return people, bound


def _covered(people: list[OnCallPerson], cover: Override) -> list[OnCallPerson]:
    return _joined(
        [],
        [
            _by_override(cover, cover.user_id, person) if person.user_id == cover.instead_of_id else person
            for person in people
        ],
    )


def merged(plan: Answering, start: Instant, end: Instant) -> Iterator[Shift]:
    """The range cut into maximal intervals of one answer each, those of nobody included."""
    since, at = start, start
    people: list[OnCallPerson] = []
    while at < end:
        then, until = plan.answer(at)
        if then != people:
            if since < at:
                yield Shift(start=since, end=at, people=people)
            since, people = at, then
        at = end if until is None else until
    if since < end:
        yield Shift(start=since, end=end, people=people)


def _join(people: list[OnCallPerson], more: Iterable[OnCallPerson]) -> None:
    """Add those who are not among the people yet."""
    for each in more:
        if all(person.user_id != each.user_id for person in people):
            people.append(each)


def _joined(people: list[OnCallPerson], more: Iterable[OnCallPerson]) -> list[OnCallPerson]:
    joined = list(people)
    _join(joined, more)
    return joined


def _by_turn(rotation: Rotation, turns: Turns | None, at: Instant) -> Answer:
    if turns is None:
        return [], None
    user_id, until = turns.on_duty(at)
    if not user_id:
        return [], until
    person = OnCallPerson(
        user_id=user_id,
        source=OnCallSource.ROTATION,
        rotation_id=rotation.id,
        rotation_name=rotation.name,
    )
    return [person], until


def _by_override(override: Override, user_id: str, covered: OnCallPerson | None = None) -> OnCallPerson:
    return OnCallPerson(
        user_id=user_id,
        source=OnCallSource.OVERRIDE,
        rotation_id=covered.rotation_id if covered else None,
        rotation_name=covered.rotation_name if covered else None,
        override_id=override.id,
        override_reason=override.reason,
        instead_of_id=override.instead_of_id or None,
        feed_id=covered.feed_id if covered else None,
    )
