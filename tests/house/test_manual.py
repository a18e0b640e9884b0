"""Whatever the manual tells somebody to type, fetch, set or open is there in the program."""

import re
import tomllib

import msgspec
import pytest
from prometheus_client.metrics import MetricWrapperBase

from openalert import cli, config, telemetry
from openalert.config import Config
from openalert.domain import languages
from openalert.domain.warning import WarningKind
from openalert.sources import SOURCES
from openalert.web import matrix
from openalert.web.dialects import WAYS
from tests.house import manual

_BESIDE = [
    ("GET", "/api/v1/ws"),
    *[
        (method, f"/webhooks/{source}/{{key}}")
        for source in ("v1", "{source}", *SOURCES)
        for method in ("GET", "POST", "PUT")
    ],
    *[
        (method, f"/heartbeats/{{key}}{word}")
        for word in ("", "/start", "/fail", "/log", "/{code}")
        for method in ("GET", "POST")
    ],
]
"""What answers beside Litestar and has no table of its paths."""
_NOT_OURS = re.compile(
    r"/(?:etc|var|dev|run|srv|usr|tmp|opt|data|static)(?:/|$)"
    r"|/(?:status|public)(?:/|$)|/(?:feed|history|watch|v2/components\.json|api/v2/….json)$"
    r"|/(?:openalert|newbot|id)$|/v1/events$|/api/v[12]$|/jsm/ops/integration$|/webhooks$"
)
"""Files and folders; what readers of status pages fetch, below the address of a page; commands in chats, a path of
Icinga's, and where an API begins."""


_WITHOUT_DATA = ("demo", "watch", "version")
_COOKIES = ("openalert_session", "openalert_status")


def test_every_command_line_is_taken() -> None:
    """In pages, in the units for systemd, and in what the program itself says: commands, options, their values."""
    lines = list(manual.command_lines())
    assert len(lines) > 100
    wrong = [
        f"{page}: openalert {line}: {why}"
        for page, line, whole in lines
        if (why := manual.refused(line, whole=whole)) is not None
    ]
    own = list(manual.own_command_lines())
    assert len(own) > 20
    wrong += [
        f"{path}: openalert {line}: {why}"
        for path, line in own
        if (why := manual.refused(line, whole=False)) is not None
    ]
    assert wrong == []


def test_every_path_is_answered() -> None:
    """With the method that stands before it; what begins with an area of ours as a whole, anything else as an end."""
    routes = [(route.method, route.path) for route in matrix.routes()]
    routes += [(way.method, way.path) for way in WAYS] + _BESIDE
    said = [(page, method, path) for page, method, path in manual.paths() if not _NOT_OURS.match(path)]
    assert len(said) > 300
    wrong = []
    for page, method, path in said:
        whole = re.match(r"/(?:api|webhooks|heartbeats|health|ready|metrics|callbacks|v2)(?:/|$)", path)
        if not any(
            method in (None, there) and manual.fits(path, route, ends=not whole) for there, route in routes
        ):
            wrong.append(f"{page}: {method or ''} {path}")
    assert wrong == []


def test_every_anchor_is_a_heading() -> None:
    """A link into a page names a heading that stands there."""
    wrong = []
    count = 0
    for page in manual.PAGES:
        for link, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text()):
            if "://" in link:
                continue
            count += 1
            target = (page.parent / link) if link else page
            if anchor not in manual.anchors(target):
                wrong.append(f"{page.name}: {link}#{anchor}")
    assert count > 100
    assert wrong == []


def test_every_key_of_a_configuration_to_copy_is_taken() -> None:
    """Each table and each key of the pieces of TOML, and each variable of the environment."""
    known = {
        section.encode_name: {field.encode_name for field in msgspec.structs.fields(type(section.default))}
        for section in msgspec.structs.fields(Config)
    }
    blocks = [piece for page in manual.PAGES for piece in manual.pieces(page) if piece.kind == "toml"]
    assert len(blocks) > 20
    wrong = []
    for piece in blocks:
        uncommented = re.sub(r"^#(?=[a-z_]+ = )", "", piece.text, flags=re.MULTILINE)
        for section, table in config._flattened(tomllib.loads(uncommented)).items():
            wrong += [
                f"{piece.page}: {section}.{key}"
                for key in table
                if {key, key.removesuffix("_file")}.isdisjoint(known.get(section, ()))
            ]
    variables = {
        f"OPENALERT_{section}_{key}{end}".upper().replace(".", "_")
        for section, keys in known.items()
        for key in keys
        for end in ("", "_file")
    }
    others = {"OPENALERT_CONFIG", "OPENALERT_SECTION_KEY"}
    of_tests = {"OPENALERT_SCHEMA_EXAMPLES", "OPENALERT_CAMPAIGN_MINUTES", "OPENALERT_CAMPAIGN_SEED"}
    for page in manual.PAGES:
        said = set(re.findall(r"\bOPENALERT_[A-Z_]+", page.read_text()))
        wrong += [f"{page.name}: {name}" for name in sorted(said - variables - others - of_tests)]
    assert wrong == []


def test_every_metric_has_the_labels_it_is_said_to_have() -> None:
    """`openalert_name{label, label}` in any page: the metric, and each of its labels."""
    known = {
        metric._name + ("_total" if metric._type == "counter" else ""): set(metric._labelnames)
        for metric in vars(telemetry).values()
        if isinstance(metric, MetricWrapperBase)
    }
    wrong, count = [], 0
    for page in manual.PAGES:
        for piece in manual.pieces(page):
            for name, labels in re.findall(
                r"(?<![\w/.])(openalert_[a-z_]+)(?:\{([^}]*)\})?(?![\w-])", piece.text
            ):
                count += 1
                bare = re.sub(r"_(bucket|sum|count)$", "", name) if name not in known else name
                named = set(re.findall(r"([a-z]+)\s*(?:=~|!=|=|,|$)", re.sub(r'"[^"]*"', "", labels)))
                if name not in _COOKIES and (bare not in known or not named <= known[bare]):
                    wrong.append(f"{piece.page}: {name}{{{labels}}}")
    assert count > 70
    assert wrong == []


def test_every_page_that_the_program_names_is_there() -> None:
    """`docs/page.md#heading` in words of the program, of the example configuration and of what is deployed."""
    root = manual.ROOT
    files = [root / "openalert.example.toml", root / "Containerfile", *(root / "docs/deploy").iterdir()]
    for ending in ("py", "html", "txt", "toml"):
        files += (root / "openalert").rglob(f"*.{ending}")
    wrong, count = [], 0
    for file in files:
        for page, anchor in re.findall(r"\b(docs/[\w/-]+\.md)(?:#([\w-]+))?", file.read_text()):
            count += 1
            if not (root / page).is_file() or (anchor and anchor not in manual.anchors(root / page)):
                wrong.append(f"{file.relative_to(root)}: {page}#{anchor}")
    assert count > 40
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "bakup FILE",
        "backup --drill-all",
        "user list|remove",
        "token create name --role emperor",
        "restore a.db b.db",
        "watch --once --twice",
        "self-monitor prove --minutes soon",
        "incident ack",
    ],
)
def test_a_command_line_that_nobody_could_type_is_found(line: str) -> None:
    """A command, an option, a value or a number of arguments that the program would refuse."""
    assert manual.refused(line, whole=True) is not None


@pytest.mark.parametrize(
    ("path", "route", "ends", "same"),
    [
        ("/api/v1/teams/{id}", "/api/v1/teams/{team_id}", False, True),
        ("/api/v1/teams/members", "/api/v1/teams/{team_id}", False, False),
        ("/api/v1/teams", "/api/v1/teams/{team_id}", False, False),
        ("/escalate", "/api/v1/incidents/{incident_id}/escalate", True, True),
        ("/escalates", "/api/v1/incidents/{incident_id}/escalate", True, False),
        ("/callbacks/slack/", "/callbacks/slack/actions", False, True),
    ],
)
def test_a_path_is_told_from_another(path: str, route: str, ends: bool, same: bool) -> None:
    """What the test of paths stands on."""
    assert manual.fits(path, route, ends=ends) is same


def test_every_command_takes_what_all_take() -> None:
    """As docs/operations.md says: the file, the folder and the database, but for those that it names."""
    words = (manual.ROOT / "docs/operations.md").read_text()
    said = re.search(r"Every command but (.*?) takes (.*?), and", words)
    assert said is not None
    assert re.findall(r"`([a-z-]+)`", said[1]) == list(_WITHOUT_DATA)
    for name in sorted(set(cli._COMMANDS) - set(_WITHOUT_DATA)):
        for line in manual.leaves(name):
            for option in re.findall(r"`(--[a-z-]+)`", said[2]):
                assert manual.refused(f"{line} {option} x", whole=False) is None, line


def test_every_warning_is_in_its_table_and_no_other() -> None:
    """docs/warnings.md, both ways."""
    page = (manual.ROOT / "docs/warnings.md").read_text()
    told = set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE)) - {"kind"}
    assert told == {kind.value for kind in WarningKind}


def test_numbers_of_what_is_shipped_are_right() -> None:
    """How many rules there are for Prometheus, in how many languages status pages are written."""
    rules = (manual.ROOT / "docs/deploy/openalert.rules.yml").read_text().count("- alert: ")
    assert f": {rules} rules for Prometheus" in (manual.ROOT / "docs/metrics.md").read_text()
    assert len(languages.KNOWN) == 10
    assert "in ten languages" in " ".join((manual.ROOT / "README.md").read_text().split())
