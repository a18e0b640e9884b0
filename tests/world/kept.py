"""What is left of a world that ended badly, for whoever looks into it."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.world.oracle import judge
from tests.world.world import World


def keep(world: World, name: str, words: Sequence[str]) -> Path:
    """Ledger, log and data of it go into a folder that no later run removes; these words too, and they are printed."""
    kept = Path(tempfile.gettempdir(), f"openalert-world-{os.getpid()}", name)
    shutil.copytree(
        world.folder, kept, ignore=shutil.ignore_patterns("*.sock", "ballast"), dirs_exist_ok=True
    )
    if world.shelf is not None:
        world.shelf.keep(kept)
    text = "\n".join(words)
    (kept / "found.txt").write_text(f"{text}\n")
    print(f"\n{text}\nkept: {kept}", flush=True)
    return kept


async def found_in(world: World) -> list[str]:
    """What the oracle finds broken once the world is at rest; where it finds something, the world is kept."""
    found = [str(each) for each in judge(await world.rest())]
    if found:
        keep(world, "sweep", found)
    return found
