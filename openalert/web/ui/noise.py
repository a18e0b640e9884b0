"""The page of what a service does about noise: what is one incident, what waits a moment, what comes and goes."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid
from openalert.domain.noise import Flapping, GroupBy, Grouping, Noise
from openalert.domain.service import Service
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import noise_facts, services
from openalert.usecases.access import require
from openalert.web.ui.forms import Errors, attempt, values_of, whole
from openalert.web.ui.frame import Web, answer, go, sent, shell

_GROUPS = (
    (
        GroupBy.SOURCE,
        "What the sender puts together",
        "One notification of Alertmanager, one monitor, one issue.",
    ),
    (
        GroupBy.FIELDS,
        "Alerts that are equal in some fields",
        "All alerts of one host, say, whatever they are called.",
    ),
    (GroupBy.SERVICE, "Everything of this service", "One incident at a time: for small services."),
    (GroupBy.ALERT, "Nothing: each alert by itself", "Every alert is an incident with its own escalation."),
)
_NAMES = ("by", "fields", "window", "pause", "up_to", "flapping", "occurrences", "within", "steady")
_FIELDS = {
    "grouping.fields": ("fields", "Fields"),
    "grouping.windowMinutes": ("window", "The window"),
    "noise.pauseSeconds": ("pause", "The pause"),
    "noise.flapping.occurrences": ("occurrences", "The number of times"),
    "noise.flapping.withinMinutes": ("within", "The minutes"),
    "noise.flapping.steadyMinutes": ("steady", "The minutes"),
}


@get("/services/{service_id:str}/noise", include_in_schema=False)
async def show(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """What is set, and what it would have changed lately."""
    return await _page(request, db, actor, service_id, {}, {})


@post("/services/{service_id:str}/noise", include_in_schema=False)
async def change(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Set it."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Service:
        return await services.update(tx, service_id, grouping=_grouping(typed), noise=_noise(typed))

    done, errors = await attempt(db, actor, body, _FIELDS)
    if done is None:
        return await _page(request, db, actor, service_id, typed, errors)
    return go(f"/services/{service_id}/noise", "Saved. It counts for alerts that begin from now on.")


def _grouping(typed: Mapping[str, str]) -> Grouping:
    by = typed.get("by", "")
    if by not in list(GroupBy):
        raise Invalid("Choose what makes one incident.", field="by")
    fields = [name.strip() for name in typed.get("fields", "").split(",") if name.strip()]
    window = typed.get("window", "").strip()
    return Grouping(
        by=GroupBy(by),
        fields=tuple(fields) if by == GroupBy.FIELDS else (),
        window_minutes=_number(window, "window") if window else None,
    )


def _noise(typed: Mapping[str, str]) -> Noise:
    worst = typed.get("up_to", "")
    flapping = None
    if typed.get("flapping"):
        flapping = Flapping(
            occurrences=whole(typed.get("occurrences", "").strip(), "occurrences"),
            within_minutes=_number(typed.get("within", ""), "within"),
            steady_minutes=_number(typed.get("steady", ""), "steady"),
        )
    pause = typed.get("pause", "").strip()
    return Noise(
        pause_seconds=_number(pause, "pause") if pause else 0,
        pause_up_to=Severity(worst) if worst in list(Severity) else Severity.HIGH,
        flapping=flapping,
    )


def _number(text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid("Give a number.", field=field) from None


async def _page(
    request: Web, db: Database, actor: Actor, service_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        service = await services.get(reader, actor, service_id)
        require(actor, Permission.CONFIGURE, service.team_id)
        facts = await noise_facts.lately(reader, service.id)
        context = await shell(
            request,
            reader,
            actor,
            "/services",
            service={"id": service.id, "name": service.name},
            groups=_GROUPS,
            severities=[each.value for each in sorted(Severity, key=lambda each: -each.rank)],
            values=values_of(typed, _NAMES, **({} if typed else _stored(service))),
            errors=errors,
            facts=facts,
            days=noise_facts.DAYS,
        )
    return answer(request, "services/noise.html", context, 422 if errors else 200)


def _stored(service: Service) -> dict[str, str]:
    grouping, noise = service.grouping, service.noise
    flapping = noise.flapping or Flapping()
    return {
        "by": grouping.by.value,
        "fields": ", ".join(grouping.fields),
        "window": f"{grouping.window_minutes:g}" if grouping.window_minutes else "",
        "pause": f"{noise.pause_seconds:g}" if noise.pause_seconds else "",
        "up_to": noise.pause_up_to.value,
        "flapping": "yes" if noise.flapping else "",
        "occurrences": str(flapping.occurrences),
        "within": f"{flapping.within_minutes:g}",
        "steady": f"{flapping.steady_minutes:g}",
    }


ROUTES: Sequence[HTTPRouteHandler] = [show, change]
