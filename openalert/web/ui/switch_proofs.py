"""The System page's buttons for proving the dead-man's switch, and what the page says of it; for admins."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.config import Config
from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.switch_proof import USUAL, Outcome, SwitchProof, switch_of
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import switch_proofs
from openalert.web.ui.forms import whole
from openalert.web.ui.frame import Values, Web, act, sent

PATH = "/settings/system"
LENGTHS = (5, USUAL, 20, 30, 60)
_SAID = {
    Outcome.CAME: "Proven: when this server is silent, somebody hears of it.",
    Outcome.MISSED: "Noted. Look at the period, the grace and the addresses of the service elsewhere.",
    Outcome.STOPPED: "The silence is over; nothing was proven.",
}


def switch(config: Config) -> str:
    """Which switch is configured; empty: none."""
    return switch_of(config.self_monitor.url)


async def drawn(reader: Reader, actor: Actor, config: Config) -> Values:
    """How the proof stands: what the part of the page needs."""
    found = await switch_proofs.standing(reader, switch(config))
    last, now = found.last, reader.now
    return {
        "proven": _said(actor, found.proven),
        "is_fresh": found.is_proven(now),
        "last": _said(actor, last),
        "is_silent": found.is_silent(now),
        "waits": last is not None and last.waits(now),
        "missed": last is not None and last.outcome is Outcome.MISSED,
        "spoiled": last is not None and last.outcome is Outcome.TROUBLE,
        "may": await switch_proofs.may_prove(reader, actor),
        "lengths": LENGTHS,
        "usual": USUAL,
        "never": found.proven is None,
    }


def _said(actor: Actor, proof: SwitchProof | None) -> Values | None:
    """A trial as the reader may know it: names of people stay in their organization."""
    if proof is None:
        return None
    is_ours = proof.organization_id in ("", actor.organization_id)
    return {
        "begun_at": proof.begun_at,
        "until": proof.until,
        "ended_at": proof.ended_at,
        "begun_by": proof.begun_by if is_ours else "",
        "ended_by": proof.ended_by if is_ours else "",
    }


@post(f"{PATH}/silence", include_in_schema=False)
async def begin(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Tell the switch nothing, for some minutes from now."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        minutes = whole(typed.get("minutes", str(USUAL)), "minutes")
        await switch_proofs.begin(tx, switch(request.app.state.config), minutes)
        return "From now on the switch hears nothing. Its service should page you; then say so here."

    return await act(db, actor, PATH, body)


@post(f"{PATH}/silence/end", include_in_schema=False)
async def end(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Say what became of it: `came`, `missed`, or `stopped` to end it before."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        try:
            outcome = Outcome(typed.get("outcome", ""))
        except ValueError:
            raise Invalid("Say whether it came, did not come, or is to stop.", field="outcome") from None
        await switch_proofs.answer(tx, switch(request.app.state.config), outcome)
        return _SAID[outcome]

    return await act(db, actor, PATH, body)


ROUTES: Sequence[HTTPRouteHandler] = [begin, end]
