"""Why an alert did or did not page: the answer first, then what was decided about it, step by step."""

from openalert.domain.access import Actor
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.incident import Incident
from openalert.domain.trace import Step, sentence
from openalert.storage import past_alerts, routing_rules
from openalert.storage.transaction import Reader
from openalert.usecases import traces
from openalert.web.ui.frame import Values

_SIGNS = {
    "received": "inbox",
    "raised": "hand",
    "opened": "siren",
    "joined": "siren",
    "repeated": "repeat",
    "acknowledged": "hand",
    "resolved": "circle-check",
    "resolved_by_hand": "circle-check",
    "rule": "layers",
    "held": "clock",
    "released": "arrow-right",
    "let_go": "arrow-right",
    "failed": "triangle-alert",
    "service_gone": "triangle-alert",
    "ended_unseen": "ban",
}


async def of_alert(reader: Reader, actor: Actor, alert: Alert, incident: Incident | None) -> Values:
    """The story of an alert in view."""
    steps = await traces.of_alert(reader, actor, alert.id)
    pages = 0
    if incident is not None:
        pages = (await past_alerts.incidents(reader, [incident.id]))[incident.id].pages
    seen = await routing_rules.named(
        reader, actor, [str(step.data["ref"]) for step in steps if "ref" in step.data]
    )
    paged, words = _verdict(alert, incident, steps, pages)
    return {
        "title": "Why did this page?" if paged else "Why did this not page?",
        "words": words,
        "steps": [_step(step, set(seen)) for step in steps],
    }


def _verdict(alert: Alert, incident: Incident | None, steps: list[Step], pages: int) -> tuple[bool, str]:
    """Whether it called anybody, and why, in a sentence."""
    held = any(step.code == "held" for step in steps)
    if incident is None:
        if alert.status is AlertStatus.SUPPRESSED:
            return False, "It fires, and is held back."
        if held:
            return False, "It was over before anything let it go."
        return False, "It was over when it came, so no incident was opened."
    if not pages:
        return False, f"It is part of incident #{incident.number}, which has called nobody yet."
    times = "once" if pages == 1 else f"{pages} times"
    return True, f"Its incident #{incident.number} called somebody {times}" + (
        ", after it had been held back." if held else ": nothing held it back."
    )


def _step(step: Step, rules: set[str]) -> Values:
    until = step.data.get("until")
    told = Step(at=step.at, code=step.code, data={**step.data, "until": None})
    ref = str(step.data.get("ref", ""))
    href = f"/routing-rules/{ref}" if ref in rules else ""
    if step.code in ("opened", "joined"):
        href = f"/incidents/{step.data.get('id')}"
    return {
        "words": sentence(told),
        "until": until,
        "at": step.at,
        "href": href,
        "sign": _SIGNS.get(step.code, "info"),
        "tone": "warn" if step.code in ("failed", "service_gone") else "",
    }
