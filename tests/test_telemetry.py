"""Logs: one object a line, without secrets, local variables or control characters of strangers."""

import asyncio
import fcntl
import io
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from openalert.telemetry import LogWriter, begin_request, configure_logs, redact, registry, watch_the_loop


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """Where the lines go; logging is as before afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def line(stream: io.StringIO) -> dict[str, object]:
    """The only line."""
    (text,) = stream.getvalue().splitlines()
    found: dict[str, object] = json.loads(text)
    return found


def test_a_line_carries_its_request(logs: io.StringIO) -> None:
    """Name, level, time and request id are in the object."""
    begin_request("req-1")
    structlog.get_logger("openalert.test").info("hello", count=3)
    assert line(logs).items() >= {
        "event": "hello", "count": 3, "request_id": "req-1", "level": "info", "logger": "openalert.test",
    }.items()  # fmt: skip


def test_the_standard_library_logs_the_same_way(logs: io.StringIO) -> None:
    """What other packages log is one object too, its arguments included and redacted."""
    logging.getLogger("other").warning("asked %s", "https://u:hunter2@host/x?token=abc")
    assert line(logs)["event"] == "asked https://u:[hidden]@host/x?token=[hidden]"


def test_a_stranger_cannot_write_lines_or_colours(logs: io.StringIO) -> None:
    """Newlines, escapes and direction marks arrive as visible text, in keys and nested values too."""
    structlog.get_logger().info("x\n{}\x1b[31m", agent={"a\r\n": ["\u202egnp", "\u2028"]})
    found = line(logs)
    assert found["event"] == "x\\u000a{}\\u001b[31m"
    assert found["agent"] == {"a\\u000d\\u000a": ["\\u202egnp", "\\u2028"]}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("POST /webhooks/prometheus/abcdef0123 202", "POST /webhooks/prometheus/[hidden] 202"),
        ("POST /webhooks/Uptime-Kuma/abcdef0123 202", "POST /webhooks/Uptime-Kuma/[hidden] 202"),
        ("/alertmanager/abcdef0123/api/v2/alerts", "/alertmanager/[hidden]/api/v2/alerts"),
        ("/v1/json/azure?apiKey=abcdef0123", "/v1/json/azure?apiKey=[hidden]"),
        ("Authorization: GenieKey abcdef0123", "Authorization: GenieKey [hidden]"),
        ("GET /a/eyJhbGciOi.x-y_z?x=1", "GET /a/[hidden]?x=1"),
        ("GET /calendars/3b9f6b.ics 200", "GET /calendars/[hidden] 200"),
        ("POST /proof/eyJhbGciOi.x-y_z", "POST /proof/[hidden]"),
        (
            "https://api.telegram.org/bot123:AbC-def_gh/getMe",
            "https://api.telegram.org/bot123:[hidden]/getMe",
        ),
        ("Slack refused xoxb-12-abcdef", "Slack refused xoxb-[hidden]"),
        ("wss://wss.slack.com/link/?ticket=12-ab", "wss://wss.slack.com/link/?ticket=[hidden]"),
        ("GET /setup/s3cr3t", "GET /setup/[hidden]"),
        ("Authorization: Bearer abcdefgh.123", "Authorization: Bearer [hidden]"),
        ("Authorization: GenieKey 43a29c5c-3dbf", "Authorization: GenieKey [hidden]"),
        ("POST /v1/json/azure?apiKey=43a29c5c-3dbf", "POST /v1/json/azure?apiKey=[hidden]"),
        ("key oak_0190_abcdefghijk here", "key oak_[hidden] here"),
        ("postgres://user:pw@db/x", "postgres://user:[hidden]@db/x"),
        ("/incidents/1?status=open", "/incidents/1?status=open"),
    ],
)
def test_secrets_are_cut_out_of_text(text: str, kept: str) -> None:
    """What opens something is hidden, what does not is kept."""
    assert redact(text) == kept


def test_fields_named_like_secrets_are_hidden(logs: io.StringIO) -> None:
    """By their name, wherever they stand."""
    structlog.get_logger().info("x", password="p1", headers={"Cookie": "p2", "accept": "ok"})
    text = logs.getvalue()
    assert "p1" not in text
    assert "p2" not in text
    assert "ok" in text


def test_a_traceback_shows_no_values(logs: io.StringIO) -> None:
    """The error and the place are there; what variables held is not."""
    hidden = "value-" + "of-a-variable"

    def fail(argument: str) -> None:
        raise RuntimeError("broken /a/tokentoken" + argument[:0])

    try:
        fail(hidden)
    except RuntimeError:
        structlog.get_logger().exception("failed")
    text = logs.getvalue()
    assert hidden not in text
    assert "tokentoken" not in text
    assert "RuntimeError: broken /a/[hidden]" in text
    assert "test_telemetry.py" in text


@pytest.mark.anyio
async def test_a_loop_that_is_held_up_is_seen() -> None:
    """A tenth of a second in which nobody else could run is in the metric."""
    watching = asyncio.create_task(watch_the_loop(0.01))
    await asyncio.sleep(0.03)
    time.sleep(0.1)  # noqa: ASYNC251 - this is the fault that is to be seen
    await asyncio.sleep(0.03)
    watching.cancel()
    lag = registry.get_sample_value("openalert_event_loop_lag_seconds")
    assert lag is not None
    assert 0.08 < lag < 50, "in seconds"


def test_metrics_are_ours_alone() -> None:
    """Every metric begins with our name."""
    assert {metric.name.split("_")[0] for metric in registry.collect()} == {"openalert"}


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that holds 4 KiB, which nobody reads but the test."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def _log(handler: logging.Handler, words: str) -> None:
    handler.handle(logging.LogRecord("x", logging.INFO, "", 0, words, None, None))


@pytest.mark.proves("F-46", "LC-2")
def test_who_logs_never_waits_and_what_was_dropped_is_said(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand lines into a full pipe return at once; who reads later finds some, and how many are missing."""
    monkeypatch.setattr(LogWriter, "MOST_LINES", 100)
    reading, writing = pipe
    before = registry.get_sample_value("openalert_log_lines_dropped_total") or 0.0
    writer = LogWriter(writing)
    for number in range(1_000):
        _log(writer, f"{number:04} " + "x" * 95)
    assert not writer.flush(0.0)
    dropped = (registry.get_sample_value("openalert_log_lines_dropped_total") or 0.0) - before
    text = b""
    while not writer.flush(0.01):
        text += os.read(reading, 65536)
    _log(writer, "the last")
    while b"the last" not in text:
        text += os.read(reading, 65536)
    lines = text.decode().splitlines()
    numbers = [int(line[:4]) for line in lines if line.endswith("x")]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + dropped == 1_000
    assert 100 <= len(numbers) < 300
    said = [int(line.split()[0]) for line in lines if "log lines were dropped: they were not taken" in line]
    assert sum(said) == dropped > 0


@pytest.mark.proves("F-46", "F-09")
def test_a_sink_that_refuses_costs_lines_and_nothing_else() -> None:
    """Every write fails as on a full disk; the writer goes on and counts what it lost."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        before = registry.get_sample_value("openalert_log_lines_dropped_total") or 0.0
        writer = LogWriter(full.fileno())
        for number in range(10):
            _log(writer, str(number))
        assert writer.flush(10)
    assert (registry.get_sample_value("openalert_log_lines_dropped_total") or 0.0) - before == 10
