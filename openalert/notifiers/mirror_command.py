"""A command of the operator's that carries a folder or a file elsewhere: `rsync -a --delete … <folder>`."""

from collections.abc import Sequence
from pathlib import Path

from openalert.notifiers import command as programs


async def run(command: Sequence[str], folder: Path, seconds: float) -> None:
    """Let the command carry the folder, its last argument; NotifierError where it fails or takes too long."""
    await programs.run([*command, str(folder)], seconds)
