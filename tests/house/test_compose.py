"""What we ship for three nodes: the compose file means what it should, and nginx understands its configuration."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from openalert.config import load
from openalert.domain.ids import new_id
from openalert.storage.keyring import new_key

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
NODES = ("node1", "node2", "node3")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as a program reads it."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return read


def test_three_nodes_share_their_keys_and_nothing_else(compose: dict[str, Any]) -> None:
    """Same image, settings and secrets on each; a data folder of its own, no root's powers, and time to end."""
    services = compose["services"]
    for name in NODES:
        node = services[name]
        assert node["volumes"] == [f"{name}:/data"]
        assert {key: value for key, value in node.items() if key != "volumes"} == {
            key: value for key, value in services["node1"].items() if key != "volumes"
        }
        assert node["cap_drop"] == ["ALL"]
        assert int(node["stop_grace_period"].removesuffix("s")) >= 20
        assert "ports" not in node, "only the proxy is reached from outside"
    assert set(services) == {*NODES, "proxy", "postgres", "valkey"}


def test_every_name_in_it_is_there(compose: dict[str, Any]) -> None:
    """Networks, volumes, secrets and services that are named are declared, and images have a version."""
    for name, service in compose["services"].items():
        assert set(service.get("secrets", ())) <= set(compose["secrets"]), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        assert set(service.get("depends_on", ())) <= set(compose["services"]), name
        assert re.search(r":[\w.-]+$", service["image"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), name


def test_a_node_understands_its_settings(compose: dict[str, Any], tmp_path: Path) -> None:
    """The environment is one that OpenAlert reads, with every secret from its file and none in the text."""
    secrets = {
        "secret_key": new_key(),
        "encryption_key": new_key(),
        "database_url": "postgres://openalert:secret@postgres/openalert",
        "redis_url": "redis://:secret@valkey:6379/0",
    }
    environment = dict(compose["services"]["node1"]["environment"])
    for name, value in environment.items():
        if name.endswith("_FILE"):
            secret = value.removeprefix("/run/secrets/")
            file = tmp_path / f"{secret}-{new_id(0)}"
            file.write_text(secrets[secret] + "\n")
            environment[name] = str(file)
    config = load(None, environment)
    assert config.database_url == secrets["database_url"]
    assert config.redis.url == secrets["redis_url"]
    assert config.server.secret_key == secrets["secret_key"]
    network = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert config.server.trusted_proxies == (network,)
    assert not re.search(r"(?i)password: \w|://[^/\s]*:[^/\s]*@", (DEPLOY / "compose.yaml").read_text())


def test_the_proxy_knows_every_node_and_repeats_nothing_that_may_be_done() -> None:
    """Each node once; what is sent twice is only what is recognized when it comes twice."""
    text = (DEPLOY / "nginx.conf").read_text()
    assert re.findall(r"server (\w+):8080 ", text) == list(NODES)
    repeated = [block for block in re.findall(r"location [^{]+\{[^}]*\}", text) if "non_idempotent" in block]
    assert len(repeated) == 1
    assert "/api/v1" not in repeated[0]


@pytest.mark.skipif(NGINX is None, reason="NO NGINX TEST: install nginx to run it")
def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    """No directive is misspelt; names of nodes are those of this machine, as nobody knows the others here."""
    file = tmp_path / "nginx.conf"
    text = re.sub(r"server node\d:8080", "server 127.0.0.1:8080", (DEPLOY / "nginx.conf").read_text())
    file.write_text(text.replace("/tmp/", f"{tmp_path}/"))
    tried = subprocess.run(
        [str(NGINX), "-t", "-c", str(file), "-p", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stderr
