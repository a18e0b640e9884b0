"""What we ship to run the program in: the unit is one that systemd takes, the image has no root, and both are tight."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "docs" / "deploy" / "openalert.service"
ANALYZE = shutil.which("systemd-analyze")
WANTED = {
    "DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
    "PrivateTmp": "yes", "MemoryDenyWriteExecute": "yes", "CapabilityBoundingSet": "", "UMask": "0077",
    "LimitCORE": "0", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "StateDirectoryMode": "0700",
    "Type": "notify", "WatchdogSec": "30", "Restart": "always", "StartLimitIntervalSec": "0",
    "OOMScoreAdjust": "-500", "Environment": "BOOT_ID=%b",
}  # fmt: skip


def test_the_unit_takes_away_what_is_not_needed() -> None:
    """The lines that matter most are there, once each."""
    lines = [line.partition("=") for line in UNIT.read_text().splitlines() if "=" in line]
    for name, value in WANTED.items():
        assert [given for key, _, given in lines if key == name] == [value], name
    assert "@system-service" in [given for key, _, given in lines if key == "SystemCallFilter"]


@pytest.mark.skipif(ANALYZE is None, reason="NO UNIT TEST: install systemd to run it")
def test_systemd_takes_the_unit_and_finds_it_tight(tmp_path: Path) -> None:
    """No line is misspelt, and its own judgement of the exposure is at most 1.5 of 10."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/openalert/bin/openalert", sys.executable))
    verified = subprocess.run(
        [str(ANALYZE), "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure is not None, judged.stdout[-500:] + judged.stderr
    assert float(exposure[1]) <= 1.5


def test_the_image_runs_as_nobody_in_particular() -> None:
    """A number and not root, nothing in it that the program needs to change, hashes for all that is installed."""
    text = (ROOT / "Containerfile").read_text()
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001$", final, re.MULTILINE)
    assert "pip" not in final
    assert "--require-hashes" in text
    assert re.search(r"^VOLUME /data$", final, re.MULTILINE)
    assert "PYTHONDONTWRITEBYTECODE=1" in final
    assert "HEALTHCHECK" in final
