"""The API against its own description: schemathesis calls every operation as everybody, with whatever it makes up.

Bounded to about a minute, with the same cases in every run. Longer, and with other cases:
`OPENALERT_SCHEMA_EXAMPLES=200 .venv/bin/pytest -n 0 --timeout 0 tests/web/test_schema.py`.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.storage import open_database
from openalert.storage.keyring import KeyRing
from openalert.usecases import api_keys, setup, signin, users
from tests.compiled import described
from tests.conftest import KEY, StoppedClock
from tests.ports import free_port
from tests.web.test_conditions import everything
from tests.web.test_hostile import Ground

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(1200)]

EXAMPLES = int(os.environ.get("OPENALERT_SCHEMA_EXAMPLES", "3"))
"""For each operation and caller."""
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
CALLERS = (*Role, "session", "stranger")


class Appliance:
    """A server on loopback with one of everything in it, and the headers of everybody."""

    def __init__(self, url: str, ground: Ground, headers: dict[str, dict[str, str]]) -> None:
        self.url = url
        self.ground = ground
        self.headers = headers


@pytest.fixture
async def appliance(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Appliance]:
    """Listening, without a limit of writes."""
    port = free_port()
    database = await open_database(f"sqlite:///{tmp_path}/openalert.db", StoppedClock(), keys=KeyRing([KEY]))
    config = Config(server=Server(port=port, data_dir=str(tmp_path), api_writes_per_minute=0))
    openalert = OpenAlert(config, database, os.urandom(32))
    headers: dict[str, dict[str, str]] = {"stranger": {}}
    async with database.transaction() as tx:
        await setup.ensure_organization(tx)
        for role in Role:
            _, text = await api_keys.create(tx, name=role, role=role)
            headers[role] = {"authorization": f"Bearer {text}"}
        member = await users.create(tx, email="bob@acme.example", name="Bob", role=Role.MEMBER)
        token = await signin.open_session(tx, member.id, address="", user_agent="")
        headers["session"] = {"cookie": f"{openalert.access.cookie}={token}"}
    server = uvicorn.Server(
        uvicorn.Config(openalert.asgi, port=port, lifespan="on", log_config=None, ws="none")
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(60):
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
            await asyncio.sleep(0.02)
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=url, headers=headers[Role.OWNER]) as client:
            made = await everything(client)
        yield Appliance(url, Ground(described(openalert), made), headers)
    finally:
        server.should_exit = True
        await serving
        await database.close()


@pytest.mark.parametrize("caller", CALLERS)
async def test_everybody_gets_what_the_description_says(appliance: Appliance, caller: str) -> None:
    """No fault of ours, and only statuses, types, headers and bodies that are described."""
    found = await asyncio.to_thread(explore, appliance, caller)
    assert not found, "\n\n".join(found)


_drawn: list[tuple[str, Any, bool]] = []


def drawn(document: dict[str, Any]) -> list[tuple[str, Any, bool]]:
    """Cases of every operation with its label, and whether they are aimed at what is there: the same for everybody.

    To make them up takes as long as to call them by all.
    """
    if not _drawn:
        operations = schemathesis.openapi.from_dict(document).get_all_operations()
        _drawn.extend(case for result in operations for case in _cases(result.ok()))
    return _drawn


def _cases(operation: Any) -> list[tuple[str, Any, bool]]:
    made: list[tuple[str, Any, bool]] = []

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), aimed=st.booleans())
    def draw(case: Any, aimed: bool) -> None:
        made.append((operation.label, case, aimed))

    draw()
    return made


def explore(appliance: Appliance, caller: str) -> list[str]:
    """What was not as described, over all operations, half of them aimed at what is there."""
    found: list[str] = []
    cases = drawn(appliance.ground.document)
    assert len({label for label, _, _ in cases}) > 100
    with requests.Session() as session:
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for label, case, aimed in cases:
            made_up = case.path_parameters
            if aimed and made_up:
                there = appliance.ground.members
                case.path_parameters = {name: there.get(name, value) for name, value in made_up.items()}
            try:
                answer = case.call(base_url=appliance.url, headers=appliance.headers[caller], session=session)
                case.validate_response(answer, checks=list(CHECKS))
            except FailureGroup as failures:
                found.append(f"{label}: " + "; ".join(str(each)[:600] for each in failures.exceptions))
            finally:
                case.path_parameters = made_up
    return found
