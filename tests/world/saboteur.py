"""`python -m tests.world.saboteur WHAT serve …`: the real command, with bugs or points of failure put in beforehand.

WHAT is a list with commas: names of `tests.world.bugs`, `all` of them, or a point at which the process kills itself:
`deliver.sent=kill` the first time, `deliver.sent=kill:3` the third time that it is reached.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from tests.world.bugs import BUGS

Reached = Callable[[], None]


def _commits(reached: Reached, *, before: bool) -> None:
    from openalert.storage.sqlite_connection import SqliteConnection, _Direct

    for connection in (SqliteConnection, _Direct):

        def wrap(real: Any) -> Any:
            async def run(self: Any, *statements: str) -> None:
                if "COMMIT" in statements and before:
                    reached()
                await real(self, *statements)
                if "COMMIT" in statements and not before:
                    reached()

            return run

        connection.run = wrap(connection.run)  # type: ignore[method-assign]


def _around(owner: Any, name: str, reached: Reached, *, before: bool) -> None:
    real = getattr(owner, name)

    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before:
            reached()
        result = await real(*args, **kwargs)
        if not before:
            reached()
        return result

    setattr(owner, name, wrapped)


def _points() -> dict[str, Callable[[Reached], None]]:
    from openalert.engine import escalate
    from openalert.engine.deliver import Deliver
    from openalert.usecases import ingest

    return {
        "commit.before": lambda reached: _commits(reached, before=True),
        "commit.after": lambda reached: _commits(reached, before=False),
        "ingest.taken": lambda reached: _around(ingest, "take_in", reached, before=False),
        "timer.due": lambda reached: _around(escalate, "_act", reached, before=True),
        "timer.done": lambda reached: _around(escalate, "_act", reached, before=False),
        "deliver.claimed": lambda reached: _around(Deliver, "_send", reached, before=True),
        "deliver.sent": lambda reached: _around(Deliver, "_settle", reached, before=True),
        "deliver.settled": lambda reached: _around(Deliver, "_settle", reached, before=False),
    }


POINTS = (
    "commit.before",
    "commit.after",
    "ingest.taken",
    "timer.due",
    "timer.done",
    "deliver.claimed",
    "deliver.sent",
    "deliver.settled",
)
"""Where a process can kill itself: on both sides of every commit, and of every step towards a provider."""


class _Counting:
    """Kills the process when it is reached for the n-th time after the first alert came."""

    def __init__(self, times: int) -> None:
        self._left = times
        self._is_armed = False

    def arm(self) -> None:
        """An alert has come."""
        self._is_armed = True

    def __call__(self) -> None:
        self._left -= self._is_armed
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def put_in(what: str) -> None:
    """The bugs and points of failure that are named."""
    from openalert.usecases import ingest

    names = [name for each in what.split(",") for name in (BUGS if each == "all" else [each])]
    for name in names:
        point, _, act = name.partition("=")
        if act:
            word, _, times = act.partition(":")
            if word != "kill":
                raise SystemExit(f"{name}: only kill is known")
            counting = _Counting(int(times or 1))
            _points()[point](counting)
            _around(ingest, "take_in", counting.arm, before=True)
        else:
            BUGS[name][1]()


if __name__ == "__main__":
    put_in(sys.argv[1])
    from openalert.cli import main

    main(sys.argv[2:])
