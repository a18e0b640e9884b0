"""The nodes that share a database: each must have the same keys as all others that work at the moment."""

import hashlib
import hmac

import msgspec

from openalert.domain.errors import OpenAlertError
from openalert.storage import runs, sealed
from openalert.storage.database import Database
from openalert.storage.transaction import Reader


class WrongKeys(OpenAlertError):
    """This node's keys are not those of the installation; it must not serve."""


class Keys(msgspec.Struct, array_like=True, frozen=True):
    """Which keys a node works with; from its marks nobody learns a key."""

    signing: str
    """Of the key that signs links in messages."""
    seals: str
    """The name of the key that seals stored secrets."""
    opens: tuple[str, ...]
    """The names of all that open them, the sealing one among them."""


def keys_of(database: Database, signing_key: bytes) -> Keys:
    """The keys of this process."""
    vault = database.vault
    mark = hmac.new(signing_key, b"openalert node", hashlib.sha256).hexdigest()[:16]
    return Keys(mark, vault.active, tuple(sorted(vault.known)))


def in_words(keys: Keys) -> str:
    """How the row of a run holds them."""
    return msgspec.json.encode(keys).decode()


async def check_keys(database: Database, keys: Keys, place: str) -> None:
    """WrongKeys unless this node and all others that live can read what the others seal and sign.

    `place` is where this node runs: what ran there before is no other.
    """
    if database.dialect == "sqlite":
        return
    async with database.read() as reader:
        others = [run for run in await runs.living(reader) if run.keys and run.place != place]
        strange = await _is_sealed_by_others(reader) if database.keys.is_new else False
    if strange:
        database.keys.forget_new()
        raise WrongKeys(
            "The secrets in this database are sealed with a key that this node does not have. Give it the one of the "
            "other nodes: server.encryption_key, or their encryption.key in its data folder."
        )
    for run in others:
        theirs = msgspec.json.decode(run.keys, type=Keys)
        if theirs.signing != keys.signing:
            raise WrongKeys(
                f"The node {run.node!r} signs links with another key than this one. Give all nodes the same: "
                "server.secret_key, or the same secret.key in their data folders."
            )
        if theirs.seals not in keys.opens or keys.seals not in theirs.opens:
            raise WrongKeys(
                f"The node {run.node!r} seals secrets with another key than this one. Give all nodes the same: "
                "server.encryption_key, or the same encryption.key in their data folders. To change it without a "
                "stop, give all nodes both keys first, the old one on the first line."
            )


async def _is_sealed_by_others(reader: Reader) -> bool:
    known = reader.database.vault.known
    return any(key not in known for key in await sealed.by_key(reader))
