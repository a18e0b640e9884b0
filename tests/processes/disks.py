"""Disks of our own for the data of a server: an ext4 in a file, which its kernel can be made to give up."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(image: Path, folder: Path, *options: str, wanted_for: str = "POWER-LOSS") -> Iterator[None]:
    """`folder` is the file system in this file."""
    if os.getuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip(f"NO {wanted_for} TEST: it needs root and mkfs.ext4")
    folder.mkdir(exist_ok=True)
    mount = subprocess.run(
        ["mount", "-o", ",".join(("loop", *options)), str(image), str(folder)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if mount.returncode != 0:
        pytest.skip(f"NO {wanted_for} TEST: a loop device cannot be mounted: {mount.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def formatted(disk: Path, mib: int = 64) -> Path:
    """An ext4 of that many MiB in this file."""
    if os.getuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("NO DISK OF OUR OWN: it needs root and mkfs.ext4")
    with disk.open("wb") as file:
        file.truncate(mib * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    return disk


def device(folder: Path) -> str:
    """The loop device that is mounted there."""
    found = subprocess.run(
        ["findmnt", "-no", "SOURCE", str(folder)], check=True, capture_output=True, text=True
    )
    return found.stdout.strip().rpartition("/")[2]


def give_up(folder: Path) -> None:
    """Let the kernel find an error in the ext4 there that was mounted with `errors=remount-ro`, as a bad disk would.

    It is read-only from now on, for good: an ordinary remount is refused while anybody writes. `mended` follows.
    """
    trigger = Path(f"/sys/fs/ext4/{device(folder)}/trigger_fs_error")
    try:
        trigger.write_text("told by a test\n")
    except OSError as error:
        pytest.skip(f"NO READ-ONLY TEST: this kernel lets nobody report an error of a disk: {error}")


def mended(image: Path) -> None:
    """What a person does about it, once nothing is mounted: fsck."""
    done = subprocess.run(["fsck.ext4", "-p", str(image)], check=False, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
