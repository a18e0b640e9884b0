"""What others made and we install: hash-locked, above the versions with known holes, under licences that fit (S-73)."""

import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / ".ci").glob("requirements*.lock"))
FLOORS = {
    "litestar": (2, 25), "authlib": (1, 9), "jinja2": (3, 1, 6), "websockets": (15, 0), "cryptography": (44, 0, 1),
    "h11": (0, 16), "uvicorn": (0, 30),
}  # fmt: skip
"""The first version of each without the advisories that we know of; `h11` where it is installed."""
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL-2\.0|Mozilla Public License 2\.0|Unlicense|0BSD"
    r"|CC0|HPND|Zlib|Public Domain",
    re.IGNORECASE,
)
LIBRARIES = {"recurring-ical-events", "x-wr-timezone"}
"""Under the LGPL, which lets them be used as they are: separate packages, unchanged, that anybody can exchange."""


def locked(path: Path) -> dict[str, str]:
    """Name to version."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_is_locked_by_hash_and_from_nowhere_else(path: Path) -> None:
    """Each has at least one SHA-256, and no address of its own."""
    text = path.read_text()
    blocks = re.split(r"^(?=[A-Za-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) > 20
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"https?://|--index|git\+|file:", text)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_nothing_is_older_than_its_known_holes(path: Path) -> None:
    """A list kept by hand; asking a database of advisories needs a network, which tests have not."""
    found = locked(path)
    for name, floor in FLOORS.items():
        if name in found:
            numbers = tuple(int(part) for part in re.findall(r"\d+", found[name])[: len(floor)])
            assert numbers >= floor, f"{name} {found[name]}"


def test_every_package_has_a_licence_that_lets_us_ship_it() -> None:
    """What the program needs at run time, by what each package says of itself."""
    strange = {}
    for name in locked(ROOT / ".ci" / "requirements.lock"):
        try:
            about = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # locked for another system
        said = [about.get("License-Expression") or "", about.get("License") or ""]
        said += [entry for entry in about.get_all("Classifier") or [] if entry.startswith("License")]
        allowed = "LGPL|" + PERMISSIVE.pattern if name in LIBRARIES else PERMISSIVE.pattern
        if not any(re.search(allowed, words, re.IGNORECASE) for words in said):
            strange[name] = [words[:60] for words in said]
    assert strange == {}
