"""SQL for proofs of the dead-man's switch: silences on purpose, and what became of each."""

from openalert.domain.switch_proof import Outcome, SwitchProof
from openalert.storage.transaction import Reader, Transaction


async def put(tx: Transaction, proof: SwitchProof) -> None:
    """A silence begins."""
    await tx.insert("switch_proofs", proof)


async def newest(reader: Reader, switch: str, count: int) -> list[SwitchProof]:
    """The latest of this switch, the newest first."""
    return await reader.all(
        SwitchProof,
        "SELECT * FROM switch_proofs WHERE switch = :switch ORDER BY id DESC LIMIT :count",
        switch=switch,
        count=count,
    )


async def last_passed(reader: Reader, switch: str) -> SwitchProof | None:
    """The latest that this switch passed."""
    return await reader.one(
        SwitchProof,
        "SELECT * FROM switch_proofs WHERE switch = :switch AND outcome = 'came' ORDER BY id DESC LIMIT 1",
        switch=switch,
    )


async def end(tx: Transaction, proof: SwitchProof, outcome: Outcome, by: str) -> bool:
    """It ended so, and who said it; False: another word was quicker."""
    return bool(
        await tx.changed(
            "UPDATE switch_proofs SET outcome = :outcome, ended_at = :now, ended_by = :by "
            "WHERE id = :id AND outcome = 'open' RETURNING id",
            id=proof.id,
            outcome=outcome.value,
            by=by,
            now=tx.now,
        )
    )
