"""What systemd is told: that the server is up, that it ends, and that its engine still ticks (sd_notify(3))."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

LONGEST_BRIDGE = 600.0
"""Seconds between two runs of one process that are no sign of a fault: a large backup is put in place."""


class Ticking(Protocol):
    """What has an engine's ticks."""

    on_tick: Callable[[], None]


def notify(state: str) -> None:
    """Tell systemd, if it asked to be told; never waits for it."""
    name = os.environ.get("NOTIFY_SOCKET")
    if not name:
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.setblocking(False)
        supervisor.sendto(state.encode(), address)


class Watchdog:
    """The sign of life that systemd waits for (WatchdogSec=): without it, systemd ends the server and begins anew."""

    def __init__(self) -> None:
        self._every = _interval() / 4
        self._last = 0.0
        self._bridge: asyncio.Task[None] | None = None

    def follow(self, health: Ticking) -> None:
        """From now on it is the engine's ticks that say it."""
        if self._bridge is not None:
            self._bridge.cancel()
            self._bridge = None
        health.on_tick = self.feed

    def bridge(self) -> None:
        """Between this run and the next of the same process no engine ticks: say it all the same, for a while."""
        if self._every > 0:
            self._bridge = asyncio.get_running_loop().create_task(self._keep_fed(), name="watchdog")

    async def _keep_fed(self) -> None:
        until = time.monotonic() + LONGEST_BRIDGE
        while time.monotonic() < until:
            self.feed()
            await asyncio.sleep(self._every)

    def feed(self) -> None:
        """The engine has ticked; told four times within the time that systemd waits, and not more often."""
        now = time.monotonic()
        if self._every > 0 and now - self._last >= self._every:
            self._last = now
            notify("WATCHDOG=1")


def _interval() -> float:
    """Seconds that systemd waits (sd_watchdog_enabled(3)); 0: it does not watch this process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0, int(os.environ.get("WATCHDOG_USEC", "0"))) / 1_000_000
    except ValueError:
        return 0.0
