"""Timeline entries, and how they read in plain words."""

from collections.abc import Callable
from typing import Any

import msgspec

from openalert.domain.failure import in_words
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from openalert.domain.outage import WORDS as OUTAGE_WORDS
from openalert.domain.outage import Ending, span_of

Data = dict[str, Any]


class TimelineEntry(msgspec.Struct, kw_only=True):
    """Something that happened to an incident; a row of `timeline`, never changed."""

    incident_id: str
    seq: int
    at: Instant
    kind: str
    actor_kind: str
    actor_id: str | None
    actor_name: str
    data: Data


def sentence(entry: TimelineEntry) -> str:
    """What happened, as one sentence for people."""
    words = _SENTENCES.get(entry.kind)
    return words(entry.actor_name, entry.data) if words else entry.kind.replace("_", " ").capitalize()


def span(milliseconds: int) -> str:
    """A duration in words: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    if milliseconds < MINUTE:
        return f"{max(0, milliseconds) // SECOND} s"
    if milliseconds < HOUR:
        return f"{milliseconds // MINUTE} min"
    large, small, names = (DAY, HOUR, ("d", "h")) if milliseconds >= DAY else (HOUR, MINUTE, ("h", "min"))
    rest = milliseconds % large // small
    return f"{milliseconds // large} {names[0]}" + (f" {rest} {names[1]}" if rest else "")


def _list(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _triggered(_: str, data: Data) -> str:
    return f"Triggered by {data['source']}: {data['title']}"


def _alerts_joined(_: str, data: Data) -> str:
    titles, count = data["titles"], data["count"]
    if count == 1:
        return f"Alert joined: {titles[0]}"
    more = count - len(titles)
    return f"{count} alerts joined: {'; '.join(titles)}" + (f" and {more} more" if more > 0 else "")


def _alerts_resolved(_: str, data: Data) -> str:
    left = f"{data['firing']} still firing" if data["firing"] else "none is firing any more"
    what = (
        f"Alert resolved: {data['titles'][0]}" if data["count"] == 1 else f"{data['count']} alerts resolved"
    )
    return f"{what}; {left}"


def _severity(_: str, data: Data) -> str:
    return f"Severity rose from {data['before']} to {data['after']}"


def _by_way(data: Data) -> str:
    return f" by {data['via']}" if data.get("via") else ""


def _acknowledged(who: str, data: Data) -> str:
    return f"{who} acknowledged" + _by_way(data)


def _resolved(who: str, data: Data) -> str:
    if data.get("automatic"):
        return (
            f"Resolved: {'no firing alert is left in it' if data.get('moved') else 'its last alert is over'}"
        )
    if data.get("into"):
        return f"{who} merged it into #{data['into']}: {data['title']}"
    text = f"{who} resolved" + _by_way(data)
    return text + (f": {data['resolution']}" if data.get("resolution") else "")


def _snoozed(who: str, data: Data) -> str:
    return f"{who} snoozed it for {span(data['length'])}{_by_way(data)}"


def _escalated(_: str, data: Data) -> str:
    again = f", repetition {data['cycle']}" if data["cycle"] else ""
    late = f" ({data['late']})" if data.get("late") else ""
    held = data.get("held") or []
    waiting = {each["who"] for each in held}
    paged = [name for name in data["people"] if name not in waiting]
    what = [f"{_list(paged)} to be paged{late}"] if paged else []
    what += [each["words"] for each in held] + list(data.get("notes") or [])
    return f"Level {data['level']}{again}: {'; '.join(what)}"


def _escalation_empty(_: str, data: Data) -> str:
    why = f" ({'; '.join(data['reasons'])})" if data.get("reasons") else ""
    return f"Level {data['level']} reached nobody{why}" + ("" if data.get("waits") else "; going on at once")


def _held_after_restore(_: str, data: Data) -> str:  # noqa: ARG001 - as the others
    return (
        "Held: a backup was restored, and its next step was due before that. It pages nobody for the past; "
        "confirm that it is still true, or resolve it"
    )


def _last_resort(data: dict[str, Any]) -> str:
    if not data["way"]:
        return "Nobody could be reached, and no last resort is configured"
    how = "could not be told" if data["failed"] else "was told"
    return f"Nobody could be reached: the last resort {how} by {data['way']}"


def _escalation_ended(_: str, data: Data) -> str:
    told = _list(data["told"])
    rest = f" {told} told." if told else " Nobody could be told: no owner has a verified address."
    return f"{data['why']}.{rest}"


_WAYS = {
    "email": "e-mail",
    "sms": "SMS",
    "voice": "telephone",
    "slack": "Slack",
    "teams": "Microsoft Teams",
    "telegram": "Telegram",
    "mattermost": "Mattermost",
    "apprise": "Apprise",
}
"""How a sentence calls the channels that it does not call by their own name."""


def _notification(_: str, data: Data) -> str:
    return f"{data['what']} to {data['who']} by {_way(data['channel'])}: {in_words(data['outcome'])}"


def _way(channel: str) -> str:
    return _WAYS.get(channel, channel)


def _next_way(_: str, data: Data) -> str:
    return (
        f"{data['why']}: {data['who']} is reached by {_list([_way(each) for each in data['channels']])} now"
    )


def _asked(who: str, data: Data) -> str:
    about = f": {data['message']}" if data.get("message") else ""
    notes = f" ({'; '.join(data['notes'])})" if data.get("notes") else ""
    return f"{who} asked {_list(data['people'])} to help{about}{notes}"


def _joined(who: str, data: Data) -> str:
    when = f", there in {data['minutes']} min" if data.get("minutes") else ""
    return f"{who} is coming to help{_by_way(data)}{when}"


def _declined(who: str, data: Data) -> str:
    led = " and is no longer incident commander" if data.get("was_commander") else ""
    return f"{who} cannot help{_by_way(data)}{led}"


def _linked(who: str, data: Data) -> str:
    return f"{who} moved {_alerts(data)} here" + (
        f" from {_numbers(data['sources'])}" if data.get("sources") else ""
    )


def _unlinked(who: str, data: Data) -> str:
    return f"{who} moved {_alerts(data)} " + (f"to #{data['to']}" if data.get("to") else "out of it")


def _alerts(data: Data) -> str:
    if data["count"] == 1:
        return f"the alert {data['titles'][0]}"
    more = data["count"] - len(data["titles"])
    return f"{data['count']} alerts ({'; '.join(data['titles'])}" + (
        f" and {more} more)" if more > 0 else ")"
    )


def _numbers(numbers: list[int]) -> str:
    return _list([f"#{number}" for number in numbers])


def _merged(who: str, data: Data) -> str:
    count = data["alerts"]
    return (
        f"{who} merged #{data['number']} into it: {data['title']} ({count} alert{'' if count == 1 else 's'})"
    )


def _split(who: str, data: Data) -> str:
    kept = f"; {data['holder']} has it, as #{data['source']}" if data.get("holder") else ""
    return f"{who} took it out of #{data['source']}: {data['title']}{kept}"


def _commander(who: str, data: Data) -> str:
    if data.get("name") is None:
        return f"{who} took the role of incident commander from {data['instead_of']}"
    instead = f" in place of {data['instead_of']}" if data.get("instead_of") else ""
    return f"{who} made {data['name']} incident commander{instead}"


_SENTENCES: dict[str, Callable[[str, Data], str]] = {
    "triggered": _triggered,
    "alerts_joined": _alerts_joined,
    "alerts_resolved": _alerts_resolved,
    "severity_raised": _severity,
    "severity_set": lambda who, data: f"{who} set the severity from {data['before']} to {data['after']}",
    "acknowledged": _acknowledged,
    "resolved": _resolved,
    "reopened": lambda who, data: (
        f"{who} reopened it" + (f": {data['reason']}" if data.get("reason") else "")
    ),
    "snoozed": _snoozed,
    "quieted": lambda _, __: (
        "Every alert of it is snoozed or suppressed: nobody is paged until one of them is let go"
    ),
    "unsnoozed": lambda _, __: "It is silent no more and still open: paging again",
    "note": lambda who, data: f"{who}: {data['body']}",
    "reassigned": lambda who, data: f"{who} assigned it to {data['to']}",
    "moved": lambda who, data: f"{who} moved the service, and this with it, to the team {data['team']}",
    "retitled": lambda who, data: f"{who} renamed it from {data['before']} to {data['after']}",
    "phase_changed": lambda who, data: f"{who} moved it from {data['before']} to {data['after']}",
    "escalation_repaired": lambda _, __: "The escalation had lost its timer; it goes on now",
    "last_resort": lambda _, data: _last_resort(data),
    "server_was_away": lambda _, data: (
        f"OpenAlert was not running {span_of(data['since'], data['until'])}, which delayed this: "
        f"{OUTAGE_WORDS[Ending(data['ending'])]}"
    ),
    "escalated": _escalated,
    "escalation_empty": _escalation_empty,
    "escalation_ended": _escalation_ended,
    "held_after_restore": _held_after_restore,
    "escalated_by_hand": lambda who, data: f"{who} escalated to the next level{_by_way(data)}",
    "handed_on": lambda who, data: f"{who} cannot take it and handed it on to the next level{_by_way(data)}",
    "alerts_linked": _linked,
    "alerts_unlinked": _unlinked,
    "split": _split,
    "paging_again": lambda _, data: f"Paging again: {data['why']}",
    "merged": _merged,
    "unmerged": lambda who, data: f"{who} took #{data['number']} out of it again: {data['title']}",
    "unmerged_over": lambda who, data: (
        f"{who} took it out of #{data['into']} again; its alerts had ended meanwhile"
    ),
    "postmortem_begun": lambda who, _: f"{who} began the postmortem",
    "customers_told": lambda who, data: (
        f"{who} told customers on {data['page']} ({data['status']}): {data['title']}"
    ),
    "responder_asked": _asked,
    "responder_joined": _joined,
    "responder_declined": _declined,
    "responder_removed": lambda who, data: f"{who} took {data['name']} off the responders",
    "commander_changed": _commander,
    "notification": _notification,
    "next_way": _next_way,
    "pages_cancelled": lambda _, data: f"{data['count']} page(s) not sent: {data['reason']}",
}
