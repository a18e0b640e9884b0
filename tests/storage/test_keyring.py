"""The file with the keys: made once, ours alone, and right after every crash."""

import errno
import stat
from pathlib import Path

import pytest

from openalert.config import Config, Server
from openalert.domain.errors import Invalid
from openalert.storage import keyring
from openalert.storage.permissions import Inaccessible


def of(folder: Path, **server: str) -> keyring.KeyRing:
    """The keys of an installation whose data is in this folder."""
    return keyring.of(Config(server=Server(data_dir=str(folder), **server)))


def test_a_key_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    """The second start finds the first one's key, in a file that nobody else may read."""
    first = of(tmp_path)
    sealed = first.vault.seal(b"secret", "place")
    assert of(tmp_path).vault.open(sealed, "place") == b"secret"
    assert stat.S_IMODE((tmp_path / keyring.FILE).stat().st_mode) == 0o600
    assert first.where == str(tmp_path / keyring.FILE)


def test_a_key_that_is_not_for_us_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its path, its owner and mode; a folder that takes no key too."""
    of(tmp_path)

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(
        Inaccessible, match=r"encryption\.key is not for this user: it belongs to \w+ \(mode 0600\)"
    ):
        of(tmp_path)


def test_a_change_of_keys_survives_a_crash_at_any_point(tmp_path: Path) -> None:
    """Begun, both keys are in the file; begun again it goes on with the same; ended, the old one is gone."""
    ring = of(tmp_path)
    old = ring.vault.seal(b"secret", "place")
    ring.begin_change()
    again = of(tmp_path)
    again.begin_change()
    assert again.vault.active == ring.vault.active
    assert again.vault.open(old, "place") == b"secret"
    assert again.end_change()
    assert of(tmp_path).vault.known == {ring.vault.active}
    assert stat.S_IMODE((tmp_path / keyring.FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [keyring.FILE]


def test_a_configured_key_is_not_ours_to_change(tmp_path: Path) -> None:
    """With one key the person is told what to write; with two the change goes on, and forgets nothing."""
    one, two = "a" * 43, "b" * 43
    with pytest.raises(Invalid, match="on a line above it"):
        of(tmp_path, encryption_key=one).begin_change()
    both = of(tmp_path, encryption_key=f"{two}\n{one}\n")
    both.begin_change()
    assert not both.end_change()
    assert len(both.vault.known) == 2
    assert list(tmp_path.iterdir()) == []
