"""The form of an escalation policy: what it holds, what was typed, and what it would do, drawn before it is saved."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.escalation import MOST_LEVELS, Level, Target, TargetTurn, TargetType
from openalert.domain.severity import Severity
from openalert.storage import channels, recipients, schedules
from openalert.storage.escalation_policies import Document
from openalert.storage.transaction import Reader
from openalert.usecases import notify
from openalert.web.ui import choices, ladders
from openalert.web.ui.forms import minutes, minutes_text, whole
from openalert.web.ui.frame import Values, Web, sent, sent_all

UNKNOWN = "Not offered"
"""What was typed into the form and is nothing that its reader may see; it is kept and never called by its name."""
_FIELDS = {
    "name": ("name", "The name"),
    "teamId": ("team_id", "Team"),
    "repeatCount": ("repeat_count", "The number of repetitions"),
    "repeatDelayMinutes": ("repeat_delay", "The minutes"),
}


class Typed(msgspec.Struct, kw_only=True):
    """What the form holds."""

    name: str = ""
    team_id: str = ""
    repeat_count: str = "2"
    repeat_delay: str = "5"
    levels: list[tuple[str, list[str]]]
    """The delay and the targets, `type:id` each."""

    def values(self) -> Values:
        """As the template takes it."""
        levels = [{"delay": delay, "targets": targets} for delay, targets in self.levels]
        return msgspec.structs.asdict(self) | {"levels": levels}


async def read(request: Web) -> tuple[Typed, str]:
    """The form, and which of its buttons was pressed."""
    fields = await sent(request)
    delays = (await sent_all(request, "delay"))[: MOST_LEVELS + 1]
    levels = [
        (delay, [each for each in await sent_all(request, f"target-{number}") if each])
        for number, delay in enumerate(delays, start=1)
    ]
    typed = Typed(
        name=fields.get("name", ""),
        team_id=fields.get("team_id", ""),
        repeat_count=fields.get("repeat_count", "0"),
        repeat_delay=fields.get("repeat_delay", "0"),
        levels=levels,
    )
    return typed, fields.get("act", "save")


def reshaped(typed: Typed, verb: str) -> Typed:
    """The form after its button: a level more, or one less."""
    if verb == "add" and len(typed.levels) < MOST_LEVELS:
        typed.levels.append(("5", []))
    number = verb.removeprefix("remove-")
    if number.isascii() and number.isdigit() and 1 <= int(number) <= len(typed.levels) > 1:
        del typed.levels[int(number) - 1]
    return typed


def levels_of(typed: Typed) -> list[Level]:
    """The levels that were typed; Invalid with the field `level-2` for one that is not finished."""
    levels = []
    for number, (delay, chosen) in enumerate(typed.levels, start=1):
        field = f"level-{number}"
        if not chosen:
            raise Invalid("Choose whom this level calls, or remove it.", field=field)
        targets = tuple(dict.fromkeys(_target(each, field) for each in chosen))
        levels.append(Level(level=number, delay=minutes(delay, field), targets=targets))
    return levels


def _target(text: str, field: str) -> Target:
    kind, _, named = text.partition(":")
    target_id, _, turn = named.partition(":")
    try:
        return Target(type=TargetType(kind), id=target_id, turn=TargetTurn(turn or TargetTurn.NOW))
    except ValueError:
        raise Invalid("Choose somebody of the list.", field=field) from None


def _key(target: Target) -> str:
    """How the form names a target: `type:id`, and `:next` or `:previous` where not whoever is on call now is meant."""
    turn = "" if target.turn is TargetTurn.NOW else f":{target.turn.value}"
    return f"{target.type.value}:{target.id}{turn}"


def fields_of(typed: Typed) -> Mapping[str, tuple[str, str]]:
    """Where each field of the use case stands in this form, its levels among them."""
    known = dict(_FIELDS)
    for position, (_, targets) in enumerate(typed.levels):
        here = (f"level-{position + 1}", "This level")
        known[f"level-{position + 1}"] = here
        known[f"levels[{position}].delayMinutes"] = (here[0], "The minutes")
        known[f"levels[{position}].targets"] = here
        for place in range(len(targets)):
            known[f"levels[{position}].targets[{place}].id"] = here
    return known


def stored(found: Document) -> Typed:
    """The form of a policy that is there."""
    version = found.version
    return Typed(
        name=found.policy.name,
        team_id=found.policy.team_id,
        repeat_count=str(version.repeat_count),
        repeat_delay=minutes_text(version.repeat_delay),
        levels=[
            (minutes_text(level.delay), [_key(each) for each in level.targets]) for level in version.levels
        ],
    )


async def picture(reader: Reader, actor: Actor, held: Typed, targets: Sequence[Values]) -> Values | None:
    """What the policy would do as it stands in the form, of a critical incident that begins now; None: nothing yet.

    Only what the form offers is drawn: a name is told to nobody who may not see it. `missing` are the levels that are
    not finished.
    """
    offered = {key for group in targets if group["words"] != UNKNOWN for key, _ in group["options"]}
    levels, missing = [], []
    for number, (delay, chosen) in enumerate(held.levels, start=1):
        known = [each for each in chosen if each in offered]
        try:
            (level,) = levels_of(Typed(levels=[(delay, known)]))
            levels.append(msgspec.structs.replace(level, level=number))
        except Invalid:
            missing.append(number)
    if not levels:
        return None
    try:
        again = whole(held.repeat_count or "0", "repeat_count"), minutes(held.repeat_delay, "repeat_delay")
    except Invalid:
        again = 0, 0
    rungs = await ladders.timed(reader, actor, levels, Severity.CRITICAL)
    return {
        "rungs": rungs,
        "end": ladders.repeat_words(*again),
        "warnings": [] if missing else ladders.warnings(rungs),
        "missing": list(map(str, missing)),
    }


async def targets_of(reader: Reader, actor: Actor, held: Typed, stored: Typed | None) -> list[Values]:
    """Everything that a level can call, in groups; what the policy calls already although out of sight stays."""
    rotas = [
        (each.id + key, each.name + words)
        for each in await schedules.page(reader, actor, limit=choices.MOST)
        for key, words in (("", ""), (":next", ": who is next"), (":previous", ": who was before"))
    ]
    places = [(each.id, each.name) for each in await channels.page(reader, actor, limit=choices.MOST)]
    groups = [
        ("On call for", "schedule", rotas),
        ("People", "user", await choices.people(reader, actor)),
        ("Everybody of", "team", list((await choices.names_of_teams(reader, actor)).items())),
        ("Channels", "channel", places),
    ]
    offered = {f"{kind}:{key}" for _, kind, pairs in groups for key, _ in pairs}
    # Only what is stored is named: whoever types a foreign id into the form must not learn what it is called.
    already = _chosen(stored) if stored else []
    hidden = [one for one in already if one not in offered]
    ids = [one.split(":")[1] if ":" in one else one for one in hidden]
    names = await recipients.names(reader, ids) if ids else {}
    by_kind = {
        kind: [one.split(":")[1] for one in hidden if one.startswith(f"{kind}:")] for kind in TargetType
    }
    names |= await notify.out_of_sight(reader, actor, by_kind)
    kept = [
        (one, names.get(target_id, "something that is gone"))
        for one, target_id in zip(hidden, ids, strict=True)
    ]
    unknown = [(one, "unknown") for one in _chosen(held) if one not in offered and one not in already]
    drawn: list[Values] = [
        {"words": words, "options": [(f"{kind}:{key}", name) for key, name in pairs]}
        for words, kind, pairs in groups
    ]
    drawn.append({"words": "Already called", "options": kept})
    drawn.append({"words": UNKNOWN, "options": unknown})
    return [group for group in drawn if group["options"]]


def _chosen(typed: Typed) -> list[str]:
    """Every target of every level, each once."""
    return list(dict.fromkeys(one for _, some in typed.levels for one in some))
