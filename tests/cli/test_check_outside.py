"""`openalert check` looks outside: names of servers, the dead-man's switch, backups; each bad case with what to do."""

import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from openalert.cli import check_outside
from openalert.config import Config, DatabaseSection, Server
from openalert.config.sections import Backup, LastResort, SelfMonitor, Slack, Smtp
from openalert.domain.backup import BackupJob, JobName
from openalert.domain.instant import DAY, HOUR
from openalert.domain.switch_proof import HOLDS_FOR, Outcome, switch_of
from openalert.storage import backup_jobs, open_database
from openalert.usecases import switch_proofs
from tests import make
from tests.fakes.certificates import make_certificate
from tests.fakes.webhook import FakeWebhook

pytestmark = pytest.mark.anyio
URL = "https://switch.example/ping"


def _named(**sections: Any) -> Config:
    return Config(smtp=Smtp(host="mail.example"), slack=Slack(bot_token="xoxb"), **sections)


async def _dns(config: Config, resolve: Any) -> list[check_outside.Finding]:
    return [finding async for finding in check_outside.dns(config, resolve)]


async def test_every_configured_name_is_asked_once_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses need no name server, what is not set up none either, and a name that serves two things is one."""
    monkeypatch.setattr(check_outside, "SLOW_NAME", 60.0)  # a busy machine is no slow name server
    assert check_outside.names(Config()) == {}
    config = _named(
        last_resort=LastResort(host="MAIL.example", webhook="https://hooks.example/x"),
        self_monitor=SelfMonitor(url="http://127.0.0.1:9/ping"),
        database=DatabaseSection(url="postgresql://openalert:secret@db.example/openalert"),
    )
    assert set(check_outside.names(config)) == {"mail.example", "slack.com", "hooks.example", "db.example"}
    asked: list[str] = []
    ((name, well, words),) = await _dns(config, lambda host, _: asked.append(host))
    assert (name, well) == ("dns", True)
    assert words.startswith("4 names resolve; the slowest, ")
    assert sorted(asked) == sorted(check_outside.names(config))
    assert (await _dns(Config(), None))[0][1] is None


async def test_a_name_that_is_not_resolved_fails_and_a_slow_one_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what it is for; the other names are not mixed up with it."""
    monkeypatch.setattr(check_outside, "SLOW_NAME", 0.1)

    def resolve(host: str, _: Any) -> None:
        if host == "mail.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        time.sleep(0.2)

    bad, slow = await _dns(_named(), resolve)
    assert bad[:2] == ("dns", False)
    assert bad[2].startswith("mail.example, for mail, is not resolved: Name or service not known.")
    assert slow[:2] == ("dns", None)
    assert re.match(r"slack\.com, for Slack, takes \d+\.\d", slow[2]), slow[2]


async def test_a_name_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not keep the command for as long as the system's resolver would."""
    monkeypatch.setattr(check_outside, "LONGEST_NAME", 0.1)
    bad = await _dns(Config(smtp=Smtp(host="mail.example")), lambda *_: time.sleep(1))
    assert (bad[0][1], "no name server answers" in bad[0][2]) == (False, True)


async def test_the_switch_is_judged_by_its_last_proof(tmp_path: Path) -> None:
    """None; never told; never proven; proven; not heard when tried; too long ago. Each says what to do."""
    url = f"sqlite:///{tmp_path}/openalert.db"
    where = {"server": Server(data_dir=str(tmp_path)), "database": DatabaseSection(url=url)}
    assert (await check_outside.switch(Config(**where)))[1] is None
    dumb = Config(self_monitor=SelfMonitor(url=URL, canary=False), **where)
    assert (await check_outside.switch(dumb))[1] is False
    config = Config(self_monitor=SelfMonitor(url=URL), **where)
    await make.cast(database := await open_database(url))
    await database.close()
    found = await check_outside.switch(config)
    assert (found[1], "Never proven" in found[2], "openalert self-monitor prove" in found[2]) == (
        None,
        True,
        True,
    )
    for outcome, well, words, ago in (
        (Outcome.CAME, True, "Proven ", 0),
        (Outcome.MISSED, False, "did not complain", 0),
        (Outcome.CAME, None, "too long ago", HOLDS_FOR + DAY),
    ):
        database = await open_database(url)
        async with database.transaction() as tx:
            await switch_proofs.begin(tx, switch_of(URL), 5)
        async with database.transaction() as tx:
            await switch_proofs.answer(tx, switch_of(URL), outcome)
            await tx.execute(
                "UPDATE switch_proofs SET ended_at = ended_at - :ago WHERE outcome = 'came'", ago=ago
            )
        await database.close()
        found = await check_outside.switch(config)
        assert (found[1], words in found[2]) == (well, True), found


async def test_backups_that_are_old_or_fail_or_are_only_here_are_told(tmp_path: Path) -> None:
    """Fails where somebody has to act; what to set is said where they lie beside what they are of."""
    url = f"sqlite:///{tmp_path}/openalert.db"
    where = {"server": Server(data_dir=str(tmp_path)), "database": DatabaseSection(url=url)}
    here, elsewhere = Config(**where), Config(backup=Backup(command=("carry",)), **where)

    async def told(config: Config) -> list[check_outside.Finding]:
        return [finding async for finding in check_outside.backups(config)]

    assert (await told(here))[0][2] == "there is no database yet"
    assert (await told(Config(backup=Backup(enabled=False), **where)))[0][1] is None
    postgres = Config(database=DatabaseSection(url="postgresql://u@h/d"))
    assert (await told(postgres))[0][1] is None
    database = await open_database(url)
    try:
        assert (await told(here))[0][2].startswith("none yet")

        async def stand(**jobs: tuple[int, str]) -> None:
            async with database.transaction() as tx:
                await tx.execute("DELETE FROM backup_jobs")
                for name, (age, error) in jobs.items():
                    job = BackupJob(name=JobName(name), since=tx.now - 40 * DAY, due_at=tx.now + DAY)
                    job.done_at, job.error = tx.now - age, error
                    job.failing_since = tx.now - HOUR if error else None
                    await backup_jobs.put(tx, job)

        await stand(backup=(5 * HOUR, ""))
        good, only = await told(here)
        assert good == (
            "backups",
            True,
            "the last one, made 5 h ago, was read back and found whole",
        )
        assert (only[0], only[1], "backup.bucket" in only[2]) == ("backups elsewhere", None, True)
        await stand(backup=(5 * HOUR, ""), copy=(6 * HOUR, ""))
        assert [well for _, well, _ in await told(elsewhere)] == [True, True]
        await stand(backup=(3 * DAY, ""), copy=(6 * HOUR, ""))
        assert (await told(elsewhere))[0][1:] == (
            False,
            "the last good one is 3 days old: is the server running at 03:00?",
        )
        await stand(backup=(HOUR, "no \x1b room"), copy=(HOUR, "refused"))
        failing = await told(elsewhere)
        assert [well for _, well, _ in failing] == [False, False]
        assert failing[0][2].endswith(": no   room")
        await stand(backup=(HOUR, ""), copy=(HOUR, ""), drill=(20 * DAY, ""))
        assert (await told(elsewhere))[-1][:2] == ("restore drill", False)
    finally:
        await database.close()


async def test_certificates_that_end_are_said_and_others_counted(tmp_path: Path) -> None:
    """One line where all last; one for each that ends soon, has ended or cannot be seen."""

    async def said(**sections: Any) -> list[check_outside.Finding]:
        return [each async for each in check_outside.certificates(Config(**sections))]

    assert [well for _, well, _ in await said()] == [None]
    async with (
        FakeWebhook(certificate=make_certificate(days_left=90)) as good,
        FakeWebhook(certificate=make_certificate(days_left=2)) as late,
        FakeWebhook(certificate=make_certificate(expired=True)) as ended,
    ):
        base = Server(base_url=f"https://127.0.0.1:{good.port}")
        ((_, well, words),) = await said(server=base)
        assert (well, words) == (
            True,
            "1 lasts; it, that of the address for people and senders, ends in 89 days",
        )
        found = await said(
            server=base,
            self_monitor=SelfMonitor(url=f"https://127.0.0.1:{late.port}/ping"),
            last_resort=LastResort(webhook=f"https://127.0.0.1:{ended.port}/bell"),
            smtp=Smtp(host="127.0.0.1", port=1),
        )
    by_words = {words.partition(" (")[0]: well for _, well, words in found}
    assert by_words["that of the dead-man's switch"] is False
    assert by_words["that of the webhook of the last resort"] is False
    assert by_words["that of the mail server"] is None
    assert [well for _, well, _ in found].count(True) == 1
