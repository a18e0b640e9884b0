"""The form of a mapping: one line for each member, and lines of `name = expression` for labels, links and words."""

from collections.abc import Mapping as Pairs
from typing import Any

from openalert.domain.errors import Invalid
from openalert.domain.mapping import Mapping
from openalert.domain.service import IntegrationConfig
from openalert.domain.severity import Severity
from openalert.web.ui.forms import Errors

MEMBERS = (
    ("items", "Alerts", "checks", "The list of alerts in the body. Empty: the usual places."),
    ("title", "Title", "check.name", ""),
    ("description", "Description", "check.output", ""),
    ("status", "State", "state", "firing, resolved or a word like them; true is firing, false is resolved."),
    ("severity", "Severity", "level", "A word; what it means is in the table below, or known anyway."),
    ("identity", "Identity", "[host, check.id]", "What makes it the same alert the next time."),
    ("group", "Group", "check.group", "Alerts with equal groups are one incident."),
    ("startsAt", "Began", "since", ""),
)
"""Members with one expression: field, words, an example, and what to know."""
NAMES = (*(name for name, *_ in MEMBERS), "labels", "links", "severities")
_MEMBER_OF = {"startsAt": "starts_at"}
_LONGEST = 20_000


def values(config: IntegrationConfig) -> dict[str, str]:
    """What the fields hold for a stored configuration."""
    mapping = config.mapping or Mapping()
    held = {name: getattr(mapping, _MEMBER_OF.get(name, name)) for name, *_ in MEMBERS}
    return held | {
        "labels": _lines(mapping.labels),
        "links": _lines(mapping.links),
        "severities": _lines(config.severities),
    }


def read(typed: Pairs[str, str], before: IntegrationConfig) -> IntegrationConfig:
    """The configuration that a form means, beside what it has no fields for; Invalid names every field."""
    single = {_MEMBER_OF.get(name, name): typed.get(name, "").strip() for name, *_ in MEMBERS}
    mapping = Mapping(
        **single,
        labels=_pairs(typed, "labels", "config.mapping.labels"),
        links=_pairs(typed, "links", "config.mapping.links"),
    )
    return IntegrationConfig(
        **{
            **{name: getattr(before, name) for name in before.__struct_fields__},
            "mapping": None if mapping == Mapping() else mapping,
            "severities": severities(typed),
        }
    )


def severities(typed: Pairs[str, str]) -> dict[str, Severity]:
    """The table of words that a form holds."""
    found = {}
    for word, level in _pairs(typed, "severities", "config.severities").items():
        try:
            found[word] = Severity(level.strip().lower())
        except ValueError:
            allowed = ", ".join(each.value for each in Severity)
            raise Invalid(
                f'"{level[:40]}" is none of our severities: {allowed}.', field="config.severities"
            ) from None
    return found


def errors_of(error: Invalid) -> Errors:
    """What was wrong, by field; several mistakes of one field in one sentence."""
    mistakes = error.details.get("mistakes") or [
        {"field": str(error.details.get("field", "")), "reason": error.message.rstrip(".")}
    ]
    found: Errors = {}
    for mistake in mistakes:
        way = [part for part in str(mistake["field"]).split(".") if part not in ("config", "mapping")]
        name = way[0] if way and way[0] in NAMES else ""
        about = f"{'.'.join(way[1:])}: " if len(way) > 1 else ""
        found[name] = (
            f"{found[name]} {about}{mistake['reason']}." if name in found else f"{about}{mistake['reason']}."
        )
    return found


def _lines(pairs: Pairs[str, Any]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in pairs.items())


def _pairs(typed: Pairs[str, str], name: str, field: str) -> dict[str, str]:
    """`name = expression`, one a line; an expression may hold further signs of equality."""
    found = {}
    for number, line in enumerate(typed.get(name, "")[:_LONGEST].splitlines(), 1):
        if not line.strip():
            continue
        left, sign, right = line.partition("=")
        if not sign or not left.strip() or not right.strip():
            raise Invalid(f"Line {number} is not of the form name = value.", field=field)
        found[left.strip()] = right.strip()
    return found
