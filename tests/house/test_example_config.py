"""openalert.example.toml is the manual: it must hold every option, at the default it has."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from openalert import config
from openalert.config import Config, load

EXAMPLE = Path(__file__).parents[2] / "openalert.example.toml"


def uncommented() -> str:
    """The example with every option switched on."""
    return re.sub(r"^#(?=[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def test_every_option_is_in_the_example_at_its_default(tmp_path: Path) -> None:
    """Switched on as a whole, the example changes nothing, and no option is missing from it."""
    path = tmp_path / "openalert.toml"
    path.write_text(uncommented())
    assert load(path, {}) == Config()
    tables = config._flattened(tomllib.loads(uncommented()))
    expected = {
        section.encode_name: {field.encode_name for field in msgspec.structs.fields(type(section.default))}
        for section in msgspec.structs.fields(Config)
    }
    shown = {
        name: {key.removesuffix("_file") if key.removesuffix("_file") in table else key for key in table}
        for name, table in tables.items()
    }
    assert shown == expected


def test_the_example_as_it_stands_changes_nothing() -> None:
    """Copied without an edit, every line is a comment or a section."""
    assert load(EXAMPLE, {}) == Config()


@pytest.mark.parametrize("section", [field.encode_name for field in msgspec.structs.fields(Config)])
def test_every_option_is_explained(section: str) -> None:
    """Each option, or the group it stands in, has a comment before it."""
    part = EXAMPLE.read_text().split(f"[{section}]\n")[1].split("\n[")[0]
    for paragraph in part.strip().split("\n\n"):
        assert paragraph.startswith("# "), paragraph
