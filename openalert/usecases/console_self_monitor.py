"""`openalert self-monitor`: the dead-man's switch is proven by real silence, from a shell."""

from openalert.domain.access import command, program_of
from openalert.domain.errors import Conflict
from openalert.domain.instant import Instant, rfc3339
from openalert.domain.switch_proof import Outcome, SwitchProof, SwitchStanding
from openalert.storage import organizations
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import switch_proofs
from openalert.usecases.console_incidents import who

Lines = list[str]
_ENDS = {
    Outcome.CAME: "it complained, as it should",
    Outcome.MISSED: "it did not complain",
    Outcome.STOPPED: "it was stopped before",
    Outcome.TROUBLE: "the server was really in trouble and said so: nothing is proven",
}


async def prove(database: Database, *, switch: str, minutes: int, person: str | None = None) -> Lines:
    """Tell the switch nothing for so many minutes."""
    async with database.transaction(command("self-monitor prove")) as tx:
        await _enter(tx, person)
        proof = await switch_proofs.begin(tx, switch, minutes)
    return [
        f"Until {rfc3339(proof.until)} the dead-man's switch hears nothing. Canaries and pages go on.",
        "Its service should page you before that, by its own way. When it has: openalert self-monitor came",
        "If it has not by then: openalert self-monitor missed. To end it before: openalert self-monitor resume",
    ]


async def answer(database: Database, *, switch: str, outcome: str, person: str | None = None) -> Lines:
    """What became of it."""
    async with database.transaction(command("self-monitor")) as tx:
        await _enter(tx, person)
        proof = await switch_proofs.answer(tx, switch, Outcome(outcome))
    said = {
        Outcome.CAME: "Proven: the switch complains when this server is silent. ",
        Outcome.MISSED: "Not proven: look at the period, the grace and the addresses of the service. ",
        Outcome.STOPPED: "Ended before anything was proven. ",
    }
    return [said[proof.outcome] + "It hears that all is well again within a minute."]


async def status(database: Database, *, switch: str) -> Lines:
    """How the switch stands, in a line or two."""
    async with database.read() as reader:
        found, now = await switch_proofs.standing(reader, switch), reader.now
    if not switch:
        return [
            "No dead-man's switch is configured (self_monitor.url): nobody notices when this server is gone."
        ]
    return [proven_words(found, now), *_last(found, now)]


async def state(database: Database, *, switch: str) -> Lines:
    """For `openalert check`: `proven`, `missed`, or anything else, then the words with what to do."""
    async with database.read() as reader:
        found, now = await switch_proofs.standing(reader, switch), reader.now
    again = "prove it: openalert self-monitor prove"
    if found.is_silent(now):
        return ["silent", " ".join(_last(found, now))]
    if found.last is not None and found.last.outcome is Outcome.MISSED:
        when = rfc3339(found.last.ended_at or found.last.until)
        words = f"did not complain of the silence that ended {when}: look at its period, grace and addresses, then"
        return ["missed", f"{words} {again}"]
    if not found.is_proven(now):
        return ["unproven", f"{proven_words(found, now).rstrip('.')}; {again}"]
    return ["proven", proven_words(found, now).rstrip(".")]


def proven_words(found: SwitchStanding, now: Instant) -> str:
    """When it was last proven, and by whom."""
    if found.proven is None:
        return "Never proven: nobody knows whether the switch complains."
    at = found.proven.ended_at or found.proven.begun_at
    old = "" if found.is_proven(now) else ", which is too long ago"
    return f"Proven {rfc3339(at)} by {found.proven.ended_by}{old}."


def _last(found: SwitchStanding, now: Instant) -> Lines:
    last = found.last
    if last is None or last.outcome is Outcome.CAME:
        return []
    if last.is_silent(now):
        return [f"It hears nothing on purpose until {rfc3339(last.until)}, begun by {last.begun_by}."]
    return [f"The silence of {rfc3339(last.begun_at)}: {_ending(last)}."]


def _ending(proof: SwitchProof) -> str:
    return _ENDS.get(proof.outcome, "nobody has said whether it complained")


async def _enter(tx: Transaction, person: str | None) -> None:
    """As the person with that address and their own rights, else as the command."""
    first = await organizations.first(tx)
    if first is None:
        raise Conflict("Nobody has set this server up yet.")
    tx.actor = await who(tx, first.id, person) if person else program_of(first.id, tx.actor)
