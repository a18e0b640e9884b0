"""The dead-man's switch is proven by real silence: it is told nothing for a while, and somebody says what came of it.

It concerns the whole installation, so it is for admins of its first organization, and for commands on the machine.
"""

import msgspec

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Forbidden, Invalid
from openalert.domain.ids import new_id
from openalert.domain.switch_proof import LONGEST, SHORTEST, Outcome, SwitchProof, SwitchStanding, until
from openalert.storage import organizations, switch_proofs
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import require

_NAME = "the dead-man's switch"
_LONGEST_NAME = 200
_WORDS = {
    Outcome.CAME: "self_monitor.proven",
    Outcome.MISSED: "self_monitor.not_proven",
    Outcome.STOPPED: "self_monitor.resumed",
}


async def standing(reader: Reader, switch: str) -> SwitchStanding:
    """What is known of this switch; `switch` empty: none is configured."""
    if not switch:
        return SwitchStanding()
    found = await switch_proofs.newest(reader, switch, 1)
    return SwitchStanding(
        switch=switch,
        last=found[0] if found else None,
        proven=await switch_proofs.last_passed(reader, switch),
    )


async def may_prove(reader: Reader, actor: Actor) -> bool:
    """Whether the actor has a say in what the whole installation tells others; that they are an admin is not asked."""
    first = await organizations.first(reader)
    return actor.organization_id is None or (first is not None and actor.organization_id == first.id)


async def begin(tx: Transaction, switch: str, minutes: int) -> SwitchProof:
    """Tell the switch nothing for so many minutes from now on. Canaries and pages go on."""
    await _check(tx)
    _require_one(switch)
    if not SHORTEST <= minutes <= LONGEST:
        raise Invalid(f"A silence lasts {SHORTEST} to {LONGEST} minutes.", field="minutes")
    last = (await standing(tx, switch)).last
    if last is not None and last.is_silent(tx.now):
        raise Conflict("The switch is being proven already: it is told nothing now.")
    proof = SwitchProof(
        id=new_id(tx.now),
        organization_id=tx.actor.organization_id or "",
        switch=switch,
        begun_at=tx.now,
        until=until(tx.now, minutes),
        begun_by=tx.actor.name[:_LONGEST_NAME],
    )
    await switch_proofs.put(tx, proof)
    await audit.record_installation(
        tx, "self_monitor.silenced", kind="self_monitor", name=_NAME, after={"minutes": minutes}
    )
    return proof


async def answer(tx: Transaction, switch: str, outcome: Outcome) -> SwitchProof:
    """Somebody says what became of the newest silence; one that still lasts ends with that."""
    await _check(tx)
    act = _WORDS.get(outcome)
    if act is None:
        raise Invalid("Say whether it came, did not come, or is to stop.", field="outcome")
    _require_one(switch)
    last = (await standing(tx, switch)).last
    if outcome is Outcome.STOPPED and (last is None or not last.is_silent(tx.now)):
        raise Conflict("There is no silence to end.")
    if last is None or not last.waits(tx.now):
        raise Conflict(
            "There is no silence to say this about: begin one, and answer within a day of its end."
        )
    by = tx.actor.name[:_LONGEST_NAME]
    if not await switch_proofs.end(tx, last, outcome, by):
        raise Conflict("Somebody has said already what became of it.")
    await audit.record_installation(tx, act, kind="self_monitor", name=_NAME)
    return msgspec.structs.replace(last, outcome=outcome, ended_at=tx.now, ended_by=by)


async def spoil(tx: Transaction, proof: SwitchProof) -> None:
    """The server was really in trouble and told the switch so: the silence is over and has proven nothing."""
    await switch_proofs.end(tx, proof, Outcome.TROUBLE, tx.actor.name)


def _require_one(switch: str) -> None:
    if not switch:
        raise Conflict(
            "No dead-man's switch is configured: set self_monitor.url first.", code="SWITCH_NOT_CONFIGURED"
        )


async def _check(tx: Transaction) -> None:
    require(tx.actor, Permission.CONFIGURE, None)
    if not await may_prove(tx, tx.actor):
        raise Forbidden("The dead-man's switch is the installation's: its first organization proves it.")
