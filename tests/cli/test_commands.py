"""The commands without a server: what they print, where, and with which exit code they leave."""

import json
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from openalert import __version__
from openalert.web.admin import reachable, socket_path
from tests.cli.conftest import Run


def test_version_and_help_import_nothing_heavy() -> None:
    """They answer at once, also on a slow machine, because only click is imported."""
    program = (
        "import sys\nfrom openalert.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'litestar', 'msgspec', 'structlog', 'asyncio', 'openalert.config'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    for argument in ("version", "--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", program, argument], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert __version__ in done.stdout or "serve" in done.stdout


def test_people_are_added_before_the_first_start(openalert: Run) -> None:
    """The database is made, the person is there, and a second one of the same address is refused."""
    done = openalert("user", "add", "ana@acme.example", "--name", "Ana", "--role", "owner", "--password-stdin",
                     stdin="correct horse battery\n")  # fmt: skip
    assert (done.code, done.out) == (0, "ana@acme.example is an owner now.\n")
    assert openalert("user", "list").out == "ana@acme.example\towner\tAna\n"
    again = openalert("user", "add", "ANA@acme.example", "--name", "Ana")
    assert again.code == 1
    assert 0 < len(again.err.splitlines()) <= 4
    assert (
        openalert(
            "user", "passwd", "ana@acme.example", "--password-stdin", stdin="another long password\n"
        ).code
        == 0
    )
    assert (
        openalert("user", "passwd", "no@acme.example", "--password-stdin", stdin="another long pw\n").code
        == 1
    )


def test_a_weak_password_is_refused_in_one_sentence(openalert: Run) -> None:
    """And nobody is added."""
    done = openalert("user", "add", "a@acme.example", "--name", "A", "--password-stdin", stdin="short\n")
    assert done.code == 1
    assert "at least 12 characters" in done.err
    assert openalert("user", "list").out == ""


def test_the_key_is_the_last_line_of_standard_output(openalert: Run) -> None:
    """So that `KEY=$(openalert token create ci | tail -1)` works; it can be listed and revoked, not shown."""
    done = openalert("token", "create", "ci", "--role", "owner", "--expires-days", "30")
    key = done.out.splitlines()[-1]
    assert key.startswith("oak_")
    listed = openalert("token", "list").out
    assert "\towner\tci\t20" in listed
    assert key.rsplit("_", 1)[1] not in listed
    assert openalert("token", "revoke", listed.split("\t")[0]).code == 0
    assert openalert("token", "list").out == ""
    assert openalert("token", "revoke", "nothing").code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["user", "add"], 2, "EMAIL"),
        (["user", "add", "a@b.example", "--name", "A", "--role", "king"], 2, "owner"),
        (["nonsense"], 2, "nonsense"),
        (["serve", "--port", "70000"], 2, "70000"),
        (["serve", "--config", "missing.toml"], 3, "missing.toml"),
        (["check", "--database-url", "mysql://a/b"], 3, "database.url"),
        (["user", "list", "--database-url", "postgres://u:hush@127.0.0.1:9/x"], 1, "Postgres"),
        (["backup", "x.db"], 1, "no database"),
        (["backup", "nowhere/x.db"], 1, "There is no folder"),
        (["migrate", "--to", "elsewhere"], 1, "openalert: --to takes sqlite:///"),
        (["token", "create", "x", "--team", "core"], 1, "There is no team 'core'. There is none yet."),
        (["oncall", "shop"], 1, "There is no schedule 'shop'. `openalert oncall` shows"),
        (["restore", "x.db"], 1, "no file"),
        (["tail"], 1, "No server"),
        (["send-test", "--service", "x"], 1, "No server"),
        (["oncall", "--at", "tomorrow"], 1, "2026-01-31T18:00:00Z"),
    ],
)
def test_every_refusal_has_its_code_and_names_the_matter(
    openalert: Run, arguments: list[str], code: int, words: str
) -> None:
    """1 refused, 2 wrong usage, 3 cannot start; at most four lines and never a traceback or a secret."""
    done = openalert(*arguments)
    assert done.code == code, done.err
    assert words in done.err
    assert len(done.err.splitlines()) <= 4
    assert "Traceback" not in done.err
    assert "hush" not in done.err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("bakcup", "Did you mean 'backup'?"),
        ("staus", "Did you mean 'status'?"),
        ("start", "Did you mean 'serve'?"),
        ("run", "Did you mean 'serve'?"),
        ("doctor", "Did you mean 'check'?"),
        ("upgrade", "Did you mean 'migrate'?"),
        ("dump", "Did you mean 'backup'?"),
        ("logs", "Did you mean 'tail'?"),
        ("rotatekey", "Did you mean 'rotate-key'?"),
        ("serve --prot 80", "'--port'"),
        ("user ad", "Did you mean 'add'?"),
    ],
)
def test_a_slip_is_told_what_was_meant(openalert: Run, typed: str, meant: str) -> None:
    """Of commands, of commands below them, and of options; what is like nothing is only refused."""
    done = openalert(*typed.split())
    assert (done.code, meant in done.err) == (2, True), done.err
    assert "Did you mean" not in openalert("xyzzy").err


def test_check_says_one_line_each(openalert: Run, tmp_path: Path) -> None:
    """Well without mail; not well when the mail server does not answer."""
    done = openalert("check", "--show")
    assert done.code == 0, done.out + done.err
    for name in ("configuration", "database", "mail", "clock", "disk"):
        assert f" {name}: " in done.out
    assert "[server]" in done.out
    file = tmp_path / "mail.toml"
    file.write_text('[smtp]\nhost = "127.0.0.1"\nport = 9\nfrom = "a@b.example"\n')
    failing = openalert("check", "--config", str(file))
    assert failing.code == 1
    assert "FAIL mail: " in failing.out


def test_migrate_says_what_it_did(openalert: Run) -> None:
    """The first time everything, then nothing."""
    assert "0001_initial" in openalert("migrate").out
    assert openalert("migrate").out == "The schema is up to date.\n"


def test_oncall_without_schedules(openalert: Run) -> None:
    """An empty installation says so; an unknown schedule is refused."""
    assert openalert("oncall").out == "There is no schedule yet.\n"
    assert openalert("oncall", "Platform").code == 1


def test_verify_proves_the_log_and_finds_what_was_done_to_it(openalert: Run, tmp_path: Path) -> None:
    """Well: code 0 and the head as the last line, which --expect knows later. Altered: code 1 and a line that fails."""
    assert openalert("verify").code == 1
    openalert("user", "add", "ana@acme.example", "--name", "Ana", "--role", "owner")
    first = openalert("verify")
    assert (first.code, "FAIL" in first.out) == (0, False), first.out + first.err
    noted = first.out.splitlines()[-1].split()
    assert (noted[0], len(noted[2])) == ("head", 64)
    openalert("backup", "save.db")
    later = openalert("verify", "--expect", noted[2])
    assert (later.code, f"is entry {noted[1]}" in later.out) == (0, True)
    assert openalert("verify", "--expect", "f" * 64).code == 1
    path = tmp_path / "openalert-data" / "openalert.db"
    saved = openalert("verify", "--database-url", f"sqlite:///{tmp_path / 'save.db'}", "--expect", noted[2])
    assert saved.code == 0, saved.out + saved.err
    with closing(sqlite3.connect(path)) as intruder:
        acts = [row[0] for row in intruder.execute("SELECT act FROM audit_log ORDER BY seq")]
        names = {row[0] for row in intruder.execute("SELECT actor_name FROM audit_log")}
        intruder.execute("DROP TRIGGER audit_log_keeps")
        intruder.execute("UPDATE audit_log SET actor_name = 'Nobody' WHERE seq = 2")
        intruder.commit()
    assert acts == ["organization.created", "user.created", "database.backed_up"]
    assert names == {"openalert user add", "openalert backup"}
    broken = openalert("verify")
    assert broken.code == 1
    failed = [line for line in broken.out.splitlines() if line.startswith("FAIL")]
    assert len(failed) == 2
    assert "entry 2 was altered" in failed[0]


def test_a_restore_is_in_the_log_with_the_head_of_the_log_that_it_replaced(
    openalert: Run, tmp_path: Path
) -> None:
    """Whoever goes back to an older log leaves a trace of the newer one in it."""
    openalert("user", "add", "ana@acme.example", "--name", "Ana", "--role", "owner")
    openalert("backup", "save.db")
    head = openalert("verify").out.splitlines()[-1].split()
    assert openalert("restore", "save.db").code == 0
    assert openalert("verify").code == 0
    with closing(sqlite3.connect(tmp_path / "openalert-data" / "openalert.db")) as restored:
        act, after = restored.execute("SELECT act, after FROM audit_log ORDER BY seq DESC").fetchone()
    assert act == "database.restored"
    assert json.loads(after) == {
        "file": "save.db", "incidentsHeld": 0, "replacedLogEntries": int(head[1]), "replacedLogHead": head[2]
    }  # fmt: skip


def test_incident_answers_by_number(openalert: "Run") -> None:
    """The list is empty before there is anything, and a number that is not there is a sentence and code 1."""
    listed = openalert("incident", "list")
    assert (listed.out, listed.err) == ("", "Nothing is open.\n")
    for arguments in (
        ("ack", "7"),
        ("snooze", "7", "--for", "30m"),
        ("hand-on", "7", "--as", "a@example.org"),
    ):
        ran = openalert("incident", *arguments)
        assert ran.code == 1
        assert ran.err.startswith("openalert: There is no incident '#7'. `openalert incident list --all`")
    assert openalert("incident", "ack", "seven").code == 2


def test_a_server_that_ends_before_it_answers_is_said_in_words(openalert: "Run", tmp_path: Path) -> None:
    """Killed as it was asked: whether it was done nobody knows, so nobody is told to type it again blindly."""
    folder = tmp_path / "openalert-data"
    folder.mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX)
    with reachable(socket_path(f"sqlite:///{folder / 'openalert.db'}", folder)) as name:
        listener.bind(name)
    listener.listen()

    def die() -> None:
        listener.accept()[0].close()  # with the question unread, so that the other end is reset

    dying = threading.Thread(target=die)
    dying.start()
    ran = openalert("token", "create", "x")
    dying.join()
    listener.close()
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "openalert: The server ended before it answered. What you asked for may have been done: look, then try again.\n"
    )


def test_a_command_brings_no_colours_along() -> None:
    """`rich`, which structlog takes if it finds it, is not there; whoever wants it afterwards gets it."""
    seen = "import sys; from openalert.cli import openalert; openalert.get_command(None, 'serve');"
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{seen} import openalert.app; print('structlog' in sys.modules, 'rich' in sys.modules); import rich",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["True", "False"]
