"""A folder with a copy: whole files only, nothing of others touched, and no way out of it."""

import errno
import fcntl
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from openalert.domain.errors import Conflict, OpenAlertError
from openalert.domain.status_copy import CopyFile
from openalert.storage import static_folder
from openalert.storage.static_folder import LIST


def files(**bodies: str) -> list[CopyFile]:
    """Files by their paths, with `__` for a slash."""
    return [
        CopyFile(path.replace("__", "/"), body.encode(), "text/html", "") for path, body in bodies.items()
    ]


def test_what_vanished_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    """The second copy takes away what the first one wrote and no more, with folders that are empty then."""
    static_folder.write(tmp_path, files(index="a", incidents__one="b", incidents__two="c"))
    (tmp_path / "robots.txt").write_text("theirs")
    (tmp_path / "incidents" / "note").write_text("theirs")
    done = static_folder.write(tmp_path, files(index="a", incidents__two="d"))
    assert (done.written, done.unchanged, done.removed) == (["incidents/two"], ["index"], ["incidents/one"])
    static_folder.write(tmp_path, [])
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == [LIST, "incidents/note", "robots.txt"]


def test_what_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    """Programs that copy by times of change have nothing to do."""
    static_folder.write(tmp_path, files(index="a"))
    before = (tmp_path / "index").stat()
    static_folder.write(tmp_path, files(index="a"))
    assert (tmp_path / "index").stat().st_ino == before.st_ino


def test_links_inside_the_folder_are_not_followed(tmp_path: Path) -> None:
    """A link in place of a file is replaced, one in place of a folder is refused; what they lead to is untouched."""
    outside, folder = tmp_path / "outside", tmp_path / "copy"
    outside.mkdir()
    (outside / "index").write_text("precious")
    folder.mkdir()
    (folder / "index").symlink_to(outside / "index")
    static_folder.write(folder, files(index="a"))
    assert (outside / "index").read_text() == "precious"
    assert not (folder / "index").is_symlink()
    (folder / "incidents").symlink_to(outside)
    with pytest.raises(OpenAlertError, match=r"a link or a file is in the way"):
        static_folder.write(folder, files(index="b", incidents__index="c"))
    assert (outside / "index").read_text() == "precious"


def test_a_forged_list_takes_nothing_outside(tmp_path: Path) -> None:
    """Names that lead up or through links are not followed when files are taken away, and a broken list names none."""
    folder, precious = tmp_path / "copy", tmp_path / "precious"
    precious.write_text("mine")
    folder.mkdir()
    (folder / "up").symlink_to(tmp_path)
    names = ["../precious", "up/precious", str(precious), "a/../../precious", "", ".", "x//y", LIST]
    (folder / LIST).write_text(json.dumps({"files": names}))
    static_folder.write(folder, files(index="a"))
    assert precious.read_text() == "mine"
    (folder / LIST).write_text("{not json")
    assert static_folder.write(folder, files(index="a")).unchanged == ["index"]


def test_a_path_that_leads_out_is_a_mistake_of_ours(tmp_path: Path) -> None:
    """Whatever makes the files, none is written beside the folder."""
    for path in ("../x", "/x", "a//b", "a/../../x", "a/./b"):
        with pytest.raises(ValueError, match="is no file of a copy"):
            static_folder.write(tmp_path / "copy", [CopyFile(path, b"", "", "")])
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_others_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    """A web server runs as another user."""
    before = os.umask(0o077)
    try:
        static_folder.write(tmp_path / "copy", files(a__index="x"))
    finally:
        os.umask(before)
    modes = [(tmp_path / "copy" / part).stat().st_mode & 0o777 for part in ("", "a", "a/index", LIST)]
    assert modes == [0o755, 0o755, 0o644, 0o644]


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    """While another process writes there, nothing is touched."""
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="Another copy is being written"):
            static_folder.write(tmp_path, files(index="a"))
    finally:
        os.close(handle)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_leaves_what_was_there_whole(tmp_path: Path) -> None:
    """With no room for the new file the old one is served on, and no half of a file lies around."""
    static_folder.write(tmp_path, files(index="old"))
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from openalert.domain.status_copy import CopyFile\nfrom openalert.storage import static_folder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (4096, {resource.RLIM_INFINITY}))\n"
        "try:\n    static_folder.write(Path(sys.argv[1]), [CopyFile('index', b'x' * 9999, '', '')])\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"OpenAlertError {tmp_path} cannot be written: File too large")
    assert (tmp_path / "index").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [LIST, "index"]


def test_a_disk_that_refuses_still_takes_away_what_vanished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is private now leaves the copy though nothing new can be written, not even the list."""
    static_folder.write(tmp_path, files(acme__index="a", secret__index="b"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", full)
        with pytest.raises(OpenAlertError, match="No space left on device"):
            static_folder.write(tmp_path, files(acme__index="new"))
    assert (tmp_path / "acme/index").read_text() == "a"
    assert not (tmp_path / "secret").exists()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    """The sentence says which path is wrong."""
    (tmp_path / "copy").write_text("a file")
    with pytest.raises(OpenAlertError, match=r"copy cannot be written"):
        static_folder.write(tmp_path / "copy", files(index="a"))
    assert (tmp_path / "copy").read_text() == "a file"
