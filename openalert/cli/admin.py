"""The command's end of the socket: through the running server if there is one, else with the database itself."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from openalert.config import Config, make_data_dir
from openalert.domain.errors import OpenAlertError
from openalert.web.admin import reachable, socket_path

SECONDS = 60.0
AGAIN_SECONDS = 0.5
"""Until somebody looks again for a server that is away."""


class GoneAway(OpenAlertError):
    """The server ended between the question and the answer."""


def run(config: Config, command: str, **arguments: Any) -> list[str]:
    """The lines that the command prints."""
    asked = ask(config, command, **arguments)
    return asked if asked is not None else asyncio.run(_directly(config, command, arguments))


def say(lines: list[str]) -> None:
    """Print them."""
    for line in lines:
        click.echo(line)


def ask(
    config: Config, command: str, *, patience: float | None = SECONDS, **arguments: Any
) -> list[str] | None:
    """What the running server answers; None when none runs. `patience`: seconds; None for as long as it takes."""
    connection = connect(config)
    if connection is None:
        return None
    connection.settimeout(patience)
    try:
        with connection, connection.makefile("rwb") as talk:
            talk.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
            talk.flush()
            line = talk.readline()
    except TimeoutError:
        raise GoneAway(
            f"The server has not answered for {patience or SECONDS:.0f} seconds. What you asked for may still be done: "
            "look first."
        ) from None
    except ConnectionError:
        line = b""
    if not line:
        raise GoneAway(
            "The server ended before it answered. What you asked for may have been done: look, then try again."
        )
    reply = json.loads(line)
    if reply.get("error"):
        raise OpenAlertError(reply["error"], code=reply.get("code") or "INTERNAL_ERROR")
    lines: list[str] = reply.get("lines", [])
    return lines


def follow(config: Config, away: Callable[[], None]) -> Iterator[dict[str, Any]] | None:
    """The events of the running server as they happen, each once; None when none runs.

    A server that ends is waited for, and goes on after the last event that was told: `away` is called once when it is
    found to be gone. `{"type": "resync", "seq"}` is told in place of events that are not kept any more.
    """
    connection = connect(config)
    if connection is None:
        return None
    return _events(config, connection, away)


def _events(config: Config, first: socket.socket, away: Callable[[], None]) -> Iterator[dict[str, Any]]:
    connection: socket.socket | None = first
    last: int | None = None
    is_there = True
    while True:
        if connection is not None:
            with suppress(ConnectionError):
                for event in _heard(connection, last):
                    last, is_there = event["seq"], True
                    if event["type"] != "ready":
                        yield event
            if is_there:
                away()
            is_there = False
        time.sleep(AGAIN_SECONDS)
        connection = connect(config)


def _heard(connection: socket.socket, after: int | None) -> Iterator[dict[str, Any]]:
    """What one connection tells until it ends, be it in the middle of a line."""
    connection.settimeout(None)
    with connection, connection.makefile("rwb") as talk:
        talk.write(json.dumps({"command": "tail", "arguments": {"after": after}}).encode() + b"\n")
        talk.flush()
        for line in talk:
            if not line.endswith(b"\n"):
                return
            told = json.loads(line)
            if told.get("error"):
                raise OpenAlertError(told["error"], code=told.get("code") or "INTERNAL_ERROR")
            yield told


def connect(config: Config) -> socket.socket | None:
    """A connection to the server of this database, if it runs."""
    path: Path = socket_path(config.database_url, config.data_dir)
    if not path.exists():
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(SECONDS)
    try:
        with reachable(path) as name:
            connection.connect(name)
    except (ConnectionRefusedError, FileNotFoundError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise OpenAlertError(f"The running server cannot be reached at {path}: {error.strerror}.") from error
    return connection


async def _directly(config: Config, command: str, arguments: dict[str, Any]) -> list[str]:
    from openalert.storage import keyring, open_database
    from openalert.usecases import console

    make_data_dir(config)
    database = await open_database(config.database_url, keys=keyring.of(config))
    try:
        return await console.run(database, command, arguments)
    finally:
        await database.close()
