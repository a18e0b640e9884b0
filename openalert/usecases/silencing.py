"""Silencing what fires already: it is held from now on, and an incident of which everything is held pages no more."""

from openalert.domain.alert import AlertStatus
from openalert.domain.errors import Conflict
from openalert.domain.handling import HoldKind
from openalert.domain.ids import new_id
from openalert.domain.muting import covers
from openalert.domain.silence import Silence
from openalert.domain.trace import Step, shortened
from openalert.storage import alerts, holds, incidents
from openalert.storage.holds import HoldRow
from openalert.storage.transaction import Transaction
from openalert.usecases import quieting
from openalert.usecases.muting import MOST_COUNTED, matched_by
from openalert.usecases.work import Work

MOST = 1_000
"""Alerts of one act: it is one transaction, behind which every other writer waits."""


async def hold_firing(tx: Transaction, silence: Silence) -> int:
    """Hold what fires now and fits, whoever has acknowledged it; how many alerts.

    They stay in their incidents. One of which all that fires is held is quiet, and pages again with the first of them
    that is let go and still fires.
    """
    fit = covers(silence)
    firing = await alerts.firing_of_team(tx, silence.organization_id, silence.team_id, MOST_COUNTED)
    fitting = [each.id for each in firing if fit(each.service_id, matched_by(each))]
    if len(fitting) > MOST:
        raise Conflict(
            f"More than {MOST:,} alerts that fit fire now. Match fewer, or silence only what comes.",
            field="alsoFiring",
        )
    found = list((await alerts.get_many(tx, fitting)).values())
    data = {"kind": HoldKind.SILENCE, "name": silence.name, "ref": silence.id, "until": silence.ends_at}
    for alert in found:
        alert.status = AlertStatus.SUPPRESSED
        alert.trace = shortened([*alert.trace, Step(at=tx.now, code="held", data=data)])
    await alerts.decide(tx, found)
    await holds.insert(
        tx,
        [
            HoldRow(
                id=new_id(tx.now),
                alert_id=alert.id,
                kind=HoldKind.SILENCE,
                ref_id=silence.id,
                name=silence.name,
                since=tx.now,
                until=silence.ends_at,
            )
            for alert in found
        ],
    )
    work = Work(tx)
    of = await incidents.get_many(tx, list({each.incident_id for each in found if each.incident_id}))
    for incident in of.values():
        if incident.is_open:
            work.say(incident, "updated")
    await quieting.settle(work, of.values())
    await work.flush()
    for alert in found:
        work.say_alert("suppressed", alert)
    return len(found)
