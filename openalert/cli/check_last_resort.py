"""What `openalert check` says of the last resort, and with `--last-resort` a real test of every way."""

import shutil
from collections.abc import AsyncIterator

from openalert.config import Config

NAME = "last resort"
Finding = tuple[str, bool | None, str]


async def findings(config: Config, *, sends: bool) -> AsyncIterator[Finding]:
    """One finding for each way; without `sends` nothing is sent."""
    own = config.last_resort
    if not (own.mail_to or own.command or own.webhook):
        words = "[last_resort] is empty: when nobody can be reached, nobody hears of it"
        yield NAME, False if sends else None, words
        return
    if sends:
        async for finding in _sent(config):
            yield finding
        return
    if own.command and shutil.which(own.command[0]) is None:
        yield NAME, False, f"{own.command[0]} is no program that can be run"
        return
    if own.mail_to and own.host:
        yield await _mail_server(config)
    ways = [
        *([f"mail to {len(own.mail_to)} address(es)"] if own.mail_to else []),
        *(["a command"] if own.command else []),
        *(["a webhook"] if own.webhook else []),
    ]
    yield NAME, True, f"{', '.join(ways)}; openalert check --last-resort sends a test"


async def _sent(config: Config) -> AsyncIterator[Finding]:
    from openalert.domain.last_resort import Call, CallState
    from openalert.notifiers.configured import last_resort_settings
    from openalert.notifiers.last_resort import LastResort
    from openalert.storage import wall_clock

    resort = LastResort(last_resort_settings(config))
    try:
        for hop in await resort.tell(Call(state=CallState.TEST), wall_clock()):
            yield f"{NAME}: {hop.way}", not hop.problem, hop.problem or "took the test"
    finally:
        await resort.close()


async def _mail_server(config: Config) -> Finding:
    from openalert.notifiers.configured import last_resort_settings
    from openalert.notifiers.email import EmailNotifier

    settings = last_resort_settings(config)
    try:
        return f"{NAME}: mail", True, await EmailNotifier(settings.mail_server, base_url="").probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the person wants to know
        return f"{NAME}: mail", False, str(error)
