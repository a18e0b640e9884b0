"""The rules for Prometheus and the dashboard for Grafana that we ship: they read, and ask for metrics that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from openalert import telemetry

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
RULES = DEPLOY / "openalert.rules.yml"
PAIRS = {")": "(", "]": "[", "}": "{"}
OF_THE_SCRAPE = {"instance", "job"}
PARTS = re.compile(r"(openalert_[a-z_]+?)(_bucket|_sum|_count)?(?![a-z_])(?:\{([^}]*)\})?")


def _rules() -> list[dict[str, Any]]:
    read = yaml.safe_load(RULES.read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def _dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return read


def _asked() -> list[str]:
    targets = [target["expr"] for panel in _dashboard()["panels"] for target in panel.get("targets", [])]
    return [rule["expr"] for rule in _rules()] + targets


def _labels() -> dict[str, set[str]]:
    """By the name of a metric as it is asked for, the labels that it has."""
    metrics = [value for value in vars(telemetry).values() if isinstance(value, MetricWrapperBase)]
    return {
        metric._name + ("_total" if metric._type == "counter" else ""): set(metric._labelnames)
        for metric in metrics
    }


def test_rules_and_dashboard_ask_for_what_there_is() -> None:
    """Each metric exists, with each label that is chosen by; a histogram is asked for its parts, and others not."""
    known = _labels()
    for expression in _asked():
        found = PARTS.findall(expression)
        assert found or expression.startswith("vector("), expression
        for name, part, chosen in found:
            assert name in known, f"{name} in {expression}"
            labels = set(re.findall(r"([a-z]+)\s*(?:=~|!=|=)", chosen))
            assert labels <= known[name] | OF_THE_SCRAPE, expression
            is_histogram = telemetry.registry._names_to_collectors.get(f"{name}_bucket") is not None
            assert is_histogram == bool(part), expression


def test_their_expressions_are_balanced() -> None:
    """No bracket or quotation mark is left open: a file with one such rule is refused as a whole."""
    for expression in _asked():
        bare = re.sub(r'"[^"]*"', "", expression)
        assert '"' not in bare, expression
        open_ones: list[str] = []
        for sign in bare:
            if sign in PAIRS.values():
                open_ones.append(sign)
            elif sign in PAIRS:
                assert open_ones[-1:] == [PAIRS[sign]], expression
                open_ones.pop()
        assert not open_ones, expression


def test_rules_say_what_is_wrong_and_how_bad() -> None:
    """Each has a name of its own, one of two severities, and words; the first line warns of a circle."""
    rules = _rules()
    names = [rule["alert"] for rule in rules]
    assert len(names) == len(set(names)) > 20
    assert {rule["labels"]["severity"] for rule in rules} == {"critical", "warning"}
    assert all(rule["annotations"]["summary"] for rule in rules)
    assert "NOT ONLY through OpenAlert" in RULES.read_text().splitlines()[0]


def test_what_promises_are_measured_by_is_watched_and_drawn() -> None:
    """Whoever takes the files as they are hears of each of these, and sees it."""
    rules = " ".join(rule["expr"] for rule in _rules())
    panels = " ".join(expression for expression in _asked() if expression not in rules)
    for name in (
        "slo_ratio", "slo_misses", "self_monitor_proven_timestamp_seconds", "memory_left_bytes", "backup_age_seconds",
        "certificate_expiry_timestamp_seconds", "backup_failing_seconds", "canary_age_seconds",
        'warnings{kind="watcher_stopped"',
    ):  # fmt: skip
        assert f"openalert_{name}" in rules, name
        assert f"openalert_{name}" in panels, name


def test_the_page_of_metrics_counts_the_rules() -> None:
    """It says how many there are."""
    assert f"{len(_rules())} rules for Prometheus" in (DEPLOY.parent / "metrics.md").read_text()


def test_prometheus_takes_the_rules() -> None:
    """Its own tool reads the file, where that is installed; what else is tried here is that it parses and fits."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("PROMTOOL IS NOT INSTALLED: the rules were parsed here, not by Prometheus")
    checked = subprocess.run(
        [promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_dashboard_works_with_any_data_source() -> None:
    """Its rows are in the order in which people ask, and no panel names a data source of ours or hides another."""
    board = _dashboard()
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert rows == ["Is it well?", "Pages", "Ingestion", "Time", "Storage", "Nodes"]
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
