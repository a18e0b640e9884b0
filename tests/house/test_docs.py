"""The manual knows what the program has: commands, settings, metrics, routes, sources, channels, and its own pages."""

import re
from pathlib import Path

import msgspec
import pytest
from prometheus_client.metrics import MetricWrapperBase

from openalert import cli, telemetry
from openalert.config import Config
from openalert.notifiers import NOTIFIERS
from openalert.sources import SOURCES
from openalert.web.routes import api
from tests.house import module_map

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
MANUAL = "\n".join(page.read_text() for page in PAGES)


@pytest.mark.parametrize("command", sorted(cli._COMMANDS))
def test_every_command_is_in_the_manual(command: str) -> None:
    """A command that nobody can find does not exist."""
    assert re.search(rf"\bopenalert (backup FILE` / `)?{command}\b|`{command}\b", MANUAL)


@pytest.mark.parametrize(
    "key",
    [
        f"{section.encode_name}.{field.encode_name}"
        for section in msgspec.structs.fields(Config)
        for field in msgspec.structs.fields(type(section.default))
    ],
)
def test_every_setting_is_in_the_example_file(key: str) -> None:
    """openalert.example.toml is the manual of the configuration."""
    section, _, name = key.rpartition(".")
    part = (ROOT / "openalert.example.toml").read_text().split(f"[{section}]\n")[1].split("\n[")[0]
    assert re.search(rf"^#?{name} = ", part, re.MULTILINE)


def test_every_setting_named_in_the_manual_exists() -> None:
    """`section.key` in a page is a key that the program takes."""
    known = {
        section.encode_name: {field.encode_name for field in msgspec.structs.fields(type(section.default))}
        for section in msgspec.structs.fields(Config)
    }
    named = re.findall(rf"`({'|'.join(known)})\.([a-z_]+)`", MANUAL)
    assert [f"{s}.{k}" for s, k in named if k.removesuffix("_file") not in known[s]] == []


def test_every_metric_is_in_the_manual_and_every_one_there_exists() -> None:
    """Both ways, so that an alert rule copied from the manual is never empty for ever."""
    metrics = [value for value in vars(telemetry).values() if isinstance(value, MetricWrapperBase)]
    names = {
        metric._name + ("_total" if metric._type == "counter" and not metric._name.endswith("_total") else "")
        for metric in metrics
    }
    table = set(re.findall(r"^\| `(openalert_[a-z_]+)", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
    assert table == names
    assert set(re.findall(r"\b(openalert_[a-z_]+_(?:total|seconds|depth|open|clients))\b", MANUAL)) <= names


def test_every_noun_of_the_api_is_in_the_manual() -> None:
    """Each path right below /api/v1."""
    described = api()
    nouns = {route.path.removeprefix(described.path).split("/")[1] for route in described.routes}
    assert len(nouns) > 10
    assert [noun for noun in sorted(nouns) if f"/api/v1/{noun}" not in MANUAL] == []


@pytest.mark.parametrize("name", [*SOURCES, *NOTIFIERS])
def test_every_source_and_channel_has_a_page(name: str) -> None:
    """What it reads or sends, and how to set it up."""
    assert any((ROOT / "docs" / room / f"{name}.md").is_file() for room in ("sources", "channels"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Relative links name files that are there, and pictures too."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    here = [link for link in links if not link.startswith(("http://", "https://", "mailto:"))]
    assert [link for link in here if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    """docs/index.md leads to each page."""
    index = (ROOT / "docs/index.md").read_text()
    pages = [page.relative_to(ROOT / "docs") for page in PAGES if page.is_relative_to(ROOT / "docs")]
    missing = [str(page) for page in pages if f"({page})" not in index]
    assert missing == ["index.md"]


def test_the_map_is_what_the_modules_say() -> None:
    """`python -m tests.house.module_map` writes it anew."""
    assert module_map.written() == module_map.draw()


def test_every_module_says_what_it_is() -> None:
    """No line of the map is empty."""
    unsaid = [path for path in module_map.PACKAGE.rglob("*.py") if not module_map.first_sentence(path)]
    assert unsaid == []


def test_the_readme_begins_with_the_two_commands() -> None:
    """One line each; the second is what .ci/run runs; both install by hashes, and no lock file names an address."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (first, serve), (second, test) = blocks[:2]
    assert (first, second) == ("sh", "sh")
    assert serve.count("\n") == test.count("\n") == 1
    assert serve.rstrip().endswith("openalert serve")
    assert test.rstrip().endswith("pytest")
    for command, lock in ((serve, "requirements.lock"), (test, "requirements-test.lock")):
        assert f"--require-hashes -r .ci/{lock}" in command
        text = (ROOT / ".ci" / lock).read_text()
        assert "://" not in text
        for pinned in re.split(r"\n(?=\S)", text):
            assert "==" not in pinned.partition("\n")[0] or "--hash=sha256:" in pinned


def test_every_decision_has_a_number_of_its_own() -> None:
    """From one on, without a gap, and its first line says the same number."""
    found = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in found] == [f"{number:04}" for number in range(1, len(found) + 1)]
    for number, page in enumerate(found, 1):
        assert page.read_text().startswith(f"# {number}. "), page
