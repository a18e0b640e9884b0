"""What the program says about itself: logs to standard error and metrics in a registry of their own.

A log line is one JSON object (or, on a terminal, one line for eyes). It carries the id of the request that it
belongs to, holds no secret and no local variable, and no control character that a sender put into it.
"""

import asyncio
import logging
import os
import re
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

EventDict = MutableMapping[str, Any]

_SECRET_NAMES = re.compile(
    r"(?i)(password|secret|token|authorization|cookie|credential|(api|integration|routing|service|private)_?key)"
)
_SECRET_PATHS = re.compile(
    r"(?i)(/(?:webhooks/[a-z0-9_.-]+|a|proof|calendars|heartbeats|setup|reset|invitation|alertmanager|integration|x-ere"
    r"|integrations/v1/[a-z0-9_-]+)/)[^/?\s\"']+"
)
_SECRET_WORDS = re.compile(
    r"(?i)\b(oak|oai|oas)_[A-Za-z0-9_-]{8,}|\b(Bearer|Basic|GenieKey)\s+[A-Za-z0-9._~+/=-]{6,}"
    r"|(?<=://)([^/\s:@]*):[^/\s@]+(?=@)|(?<=[?&])(token|key|apikey|secret|password|code|state|ticket)=[^&\s]+"
)
_CHAT_TOKENS = re.compile(r"(/bot\d+:|\bxox[a-z]{1,2}-|\bxapp-)[A-Za-z0-9_-]{6,}")
"""Of Telegram, which stand in addresses, and of Slack."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
HIDDEN = "[hidden]"
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def redact(text: str) -> str:
    """The text without keys in paths, bearer tokens, API keys and passwords in addresses."""
    text = _SECRET_PATHS.sub(rf"\1{HIDDEN}", text)
    text = _CHAT_TOKENS.sub(rf"\1{HIDDEN}", text)
    return _SECRET_WORDS.sub(_hide, text)


def _hide(match: re.Match[str]) -> str:
    kind, scheme, user, parameter = match.groups()
    if kind:
        return f"{kind}_{HIDDEN}"
    if scheme:
        return f"{scheme} {HIDDEN}"
    return f"{parameter}={HIDDEN}" if parameter else f"{user}:{HIDDEN}"


def _harmless(text: str) -> str:
    """Control and direction characters written out, so that a line stays a line wherever it is shown."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _clean(value: Any, keep_lines: bool = False) -> Any:
    if isinstance(value, str):
        value = redact(value)
        return "\n".join(_harmless(line) for line in value.split("\n")) if keep_lines else _harmless(value)
    if isinstance(value, dict):
        return {_clean(str(name)): _named(str(name), part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(part) for part in value]
    return value if isinstance(value, (int, float, bool, type(None))) else _clean(str(value))


def _named(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name) and not isinstance(value, (int, bool, type(None))):
        return HIDDEN
    # The traceback's own newlines are escaped by JSON; on a console it must stay readable.
    return _clean(value, keep_lines=name in ("exception", "stack"))


def clean_event(_: Any, __: str, event: EventDict) -> EventDict:
    """structlog processor: every value redacted and free of control characters."""
    return {_clean(name): _named(name, value) for name, value in event.items()}


def _to_json(event: EventDict, **_: Any) -> str:
    return msgspec.json.encode(event).decode()


class LogWriter(logging.Handler):
    """Writes lines from a thread of its own: whoever logs never waits for whoever reads.

    A pipe that nobody empties or a slow disk costs lines, never an answer or a page. What was dropped is counted and
    said as soon as lines are taken again.
    """

    MOST_LINES = 10_000
    MOST_BYTES = 8 * 1024 * 1024
    """Of lines that wait; a stack of all threads may have a hundred thousand."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._changed = threading.Condition()
        self._is_writing = False
        threading.Thread(target=self._write_forever, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put the line where the thread finds it, or count it as dropped."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        except Exception:  # noqa: BLE001 - what cannot be formatted is said in logging's own way
            self.handleError(record)
        else:
            self.put(line)

    def put(self, line: bytes) -> None:
        """Write this line when its turn comes."""
        with self._changed:
            if len(self._lines) >= self.MOST_LINES or self._bytes + len(line) > self.MOST_BYTES:
                self._drop()
                return
            self._lines.append(line)
            self._bytes += len(line)
            self._changed.notify_all()

    def flush(self, seconds: float = 1.0) -> bool:  # type: ignore[override]  # logging has nothing to say here
        """Wait at most so long until everything is written; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines and not self._is_writing, seconds)

    def _drop(self) -> None:
        self._dropped += 1
        LOG_DROPPED.inc()

    def _write_forever(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines)
                line = self._lines.popleft()
                self._bytes -= len(line)
                dropped, self._dropped = self._dropped, 0
                self._is_writing = True
            try:
                if dropped:
                    self._put(self._told(dropped))
                self._put(line)
            except OSError:
                with self._changed:
                    self._dropped += dropped
                    self._drop()

    def _told(self, dropped: int) -> bytes:
        words = logging.LogRecord(
            __name__,
            logging.WARNING,
            "",
            0,
            "%d log lines were dropped: they were not taken",
            (dropped,),
            None,
        )
        return (self.format(words) + "\n").encode()

    def _put(self, line: bytes) -> None:
        view = memoryview(line)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # somebody who shares the terminal has made it so
                select.select([], [self._descriptor], [])


def configure_logs(level: str = "info", form: str = "auto", stream: Any = None) -> "LogWriter | None":
    """Send structlog and the standard library's loggers to `stream` in one form; without one, to standard error.

    Standard error is written by the `LogWriter` that is returned.
    """
    writer = LogWriter(sys.stderr.fileno()) if stream is None else None
    stream = stream or sys.stderr
    if form == "auto":
        form = "console" if stream.isatty() else "json"
    shared: list[Any] = [
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_to_json)
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
        )
    )
    # format_exc_info is the standard library's text: it shows lines of code, never the values of variables.
    final = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        clean_event,
        renderer,
    ]
    handler: logging.Handler = writer or logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("aiosqlite", "asyncio", "apscheduler", "httpcore2", "httpx2", "websockets", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return writer


def say(line: str) -> None:
    """A line for whoever started the program, as it is: to standard error, in the order of the log."""
    writers = [each for each in logging.getLogger().handlers if isinstance(each, LogWriter)]
    if writers:
        writers[0].put(line.encode("utf-8", "backslashreplace") + b"\n")
    else:
        sys.stderr.write(line + "\n")


def begin_request(request_id: str) -> None:
    """Every line logged from here on in this task carries the id."""
    _request_id.set(request_id)


def _add_request_id(_: Any, __: str, event: EventDict) -> EventDict:
    """structlog processor: the request that this task answers, if any."""
    request_id = _request_id.get()
    if request_id:
        event.setdefault("request_id", request_id)
    return event


registry = CollectorRegistry()
"""All metrics of this process; nothing else is in it."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


def _counter(name: str, words: str, *labels: str) -> Counter:
    return Counter(f"openalert_{name}", words, labels, registry=registry)


def _gauge(name: str, words: str, *labels: str) -> Gauge:
    return Gauge(f"openalert_{name}", words, labels, registry=registry)


def _histogram(name: str, words: str, *labels: str) -> Histogram:
    return Histogram(f"openalert_{name}", words, labels, registry=registry, buckets=_SECONDS)


INGEST = _counter(
    "ingest_total",
    "Messages received, by the source that read them and what became of them.",
    "source",
    "outcome",
)
INGEST_COMMIT = _histogram("ingest_commit_seconds", "From the end of a received message to its commit.")
QUARANTINED = _counter("quarantined_total", "Messages that could not be read and are kept for a person.")
INCIDENTS_OPEN = _gauge("incidents_open", "Incidents that are not resolved.")
NOTIFICATIONS = _counter(
    "notifications_total", "Attempts to send a notification, by how they ended.", "channel", "outcome"
)
HANDOVER = _histogram(
    "notification_handover_seconds",
    "From the moment a notification was due to the provider's yes.",
    "channel",
)
CHANNEL_STATE = _gauge(
    "channel_state",
    "1 while the provider takes messages; 0 while it rests, refuses our credentials or has no valid certificate.",
    "channel",
    "provider",
)
BREAKER_OPENED = _counter(
    "breaker_opened_total", "Times a provider was left alone after failures in a row.", "channel", "provider"
)
TIMER_LATENESS = _histogram("timer_lateness_seconds", "How late due steps of escalations were taken.")
OLDEST_DUE_TIMER = _gauge(
    "oldest_due_timer_seconds", "Age of the oldest timer that is due and was not taken yet."
)
OLDEST_UNSENT_PAGE = _gauge(
    "oldest_unsent_page_seconds", "Age of the oldest page that is due and was not sent yet."
)
INVARIANTS = _counter(
    "invariant_violations_total", "Things that must never be true and were found, and repaired.", "kind"
)
CANARIES = _counter(
    "canaries_total",
    "Alerts that the server sent itself: `green`, or the hop at which they stood still.",
    "outcome",
)
CANARY_SECONDS = _histogram("canary_seconds", "From the start of a canary that came through to its end.")
CANARY_AGE = _gauge("canary_age_seconds", "Since the start of the last canary that came through.")
WOULD_PAGE = _gauge("would_page", "1 while an alert arriving now would page, as far as the server knows.")
SWITCH_SUCCESS = _gauge(
    "self_monitor_last_success_timestamp_seconds",
    "When the dead-man's switch elsewhere last heard that all is well; 0: never.",
)
SWITCH_PROVEN = _gauge(
    "self_monitor_proven_timestamp_seconds",
    "When the dead-man's switch elsewhere last complained of a silence on purpose; 0: never.",
)
SLO_RATIO = _gauge(
    "slo_ratio",
    "The share of the last thirty days that was in time: steps of escalations within 5 s, pages within 15 s.",
    "objective",
)
SLO_MISSES = _gauge("slo_misses", "How much of the last thirty days was not in time.", "objective")
NODE_LEADS = _gauge("node_leads", "1 on the node that does what one node alone does; 0 on the others.")
NODE_FENCED = _counter(
    "node_fenced_total", "Times another node took over this one's work, because its lease was over."
)
NOT_RUNNING = _counter(
    "not_running_seconds_total",
    "Seconds in which nobody was there, by how the time before them ended.",
    "ending",
)
CLOCK_BEHIND = _gauge(
    "clock_behind_seconds",
    "By how much the machine's clock was found to be behind, until it is put right; 0: not.",
)
CLOCK_STEPS = _counter("clock_steps_total", "Times the machine's clock was set by more than two seconds.")
WRITER_QUEUE = _gauge("writer_queue_depth", "Transactions that wait for the database's writer.")
MEMORY_RESIDENT = _gauge("memory_resident_bytes", "What this process has of the machine's memory.")
MEMORY_LIMIT = _gauge(
    "memory_limit_bytes",
    "The limit that leaves least: of the cgroup or container, of the process, or the machine itself.",
)
MEMORY_LEFT = _gauge("memory_left_bytes", "What that limit leaves.")
MEMORY_SHORT = _gauge("memory_short", "1 while new events are refused because too little memory is left.")
CERTIFICATE = _gauge(
    "certificate_expiry_timestamp_seconds", "When a certificate ends, by what it is for.", "use"
)
LOOP_LAG = _gauge(
    "event_loop_lag_seconds", "The longest time the event loop was held up in the last ten seconds."
)
LOG_DROPPED = _counter("log_lines_dropped_total", "Log lines that nobody took in time.")
TASK_RESTARTS = _counter(
    "task_restarts_total", "Times a task of the program ended and was begun again.", "task"
)
TASK_TROUBLE = _gauge(
    "task_trouble",
    "1 while a task dies again and again, or one of its steps takes longer than it may.",
    "task",
)
OUTGOING = _counter(
    "outgoing_attempts_total", "Attempts to tell an outgoing webhook something, by how they ended.", "outcome"
)
OUTGOING_SECONDS = _histogram("outgoing_attempt_seconds", "How long attempts of outgoing webhooks took.")
OUTGOING_WAITING = _gauge("outgoing_waiting", "Deliveries of outgoing webhooks that wait for an attempt.")
OUTGOING_OLDEST = _gauge(
    "outgoing_oldest_waiting_seconds", "Age of the oldest delivery of an outgoing webhook that waits."
)
SUBSCRIBERS_TOLD = _counter(
    "status_deliveries_total",
    "What subscribers of status pages were sent, by how it ended.",
    "channel",
    "outcome",
)
SUBSCRIBERS_WAITING = _gauge("status_deliveries_waiting", "Letters to subscribers of status pages that wait.")
SUBSCRIBERS_OLDEST = _gauge(
    "status_deliveries_oldest_waiting_seconds",
    "Age of the oldest letter to a subscriber that may leave and waits.",
)
MIRROR_SUCCESS = _gauge(
    "status_mirror_last_success_timestamp_seconds",
    "When a mirror of status pages was last brought up to date; 0: never.",
    "mirror",
)
MIRROR_FAILING = _gauge(
    "status_mirror_failing_seconds", "How long a mirror of status pages has failed; 0: it does not.", "mirror"
)
BACKUP_AGE = _gauge(
    "backup_age_seconds",
    "Age of the last verified backup; if there is none, for how long there should have been one.",
)
BACKUP_VERIFIED = _gauge(
    "backup_verified",
    "1 while the last backup was made, read back and found whole; 0: there is none, or the last try failed.",
)
BACKUP_FAILING = _gauge(
    "backup_failing_seconds",
    "How long backups (`backup`), their copies elsewhere (`copy`) or restore drills (`drill`) fail; 0: they do not.",
    "job",
)
WEBSOCKET_CLIENTS = _gauge("websocket_clients", "Open WebSocket connections.")
WEBSOCKET_DROPPED = _counter(
    "websocket_dropped_total", "WebSocket connections closed because they did not keep up."
)
RESPONDER_REACHABLE = _gauge(
    "responder_reachable",
    "By how many independent ways a member of a team can be reached; 0: by none.",
    "user",
)
ONCALL = _gauge("oncall", "1 for each person who is on call for a schedule.", "schedule", "user")
ONCALL_PEOPLE = _gauge("oncall_people", "How many people are on call for a schedule; 0: a gap.", "schedule")
WARNINGS = _gauge("warnings", "What would keep a page from arriving, found before it does.", "kind")
HEARTBEATS = _gauge("heartbeats", "Heartbeats in each state; one that is late or failed pages.", "status")
BEATS = _counter("beats_total", "Beats that came to the addresses of heartbeats, by what they said.", "kind")
REDIS_UP = _gauge(
    "redis_up", "1 while the Valkey or Redis server of redis.url counts and answers; 0 without one."
)
REDIS_SECONDS = _gauge("redis_probe_seconds", "How long the last answer of that server took.")
REDIS_FALLBACKS = _counter(
    "redis_fallbacks_total", "Limits that this node decided alone because that server was away or slow."
)
DATABASE_STANDSTILL = _gauge(
    "database_standstill", "1 while Postgres answers no commit because it waits for its standby."
)
DISK_FREE = _gauge("disk_free_bytes", "What is free on the disk under the database.")
DISK_RESERVE_IN_USE = _gauge(
    "disk_reserve_in_use", "1 while OpenAlert lives on the disk space put aside for a full disk."
)
WAL_BYTES = _gauge("wal_bytes", "The size of SQLite's log, which a long reader keeps from being used again.")
DISK_COMMIT = _gauge(
    "disk_commit_seconds", "What the slowest commit to SQLite's file took, of those of the last seconds."
)
BUILD = _gauge("build_info", "1, with the version that runs.", "version")
REQUESTS = _histogram(
    "http_request_seconds", "Answers to HTTP requests, by route template.", "method", "route", "status"
)


def feed(gauge: Gauge, read: Callable[[], float]) -> None:
    """Ask `read` for the gauge's value whenever the metrics are read."""
    gauge.set_function(read)


async def watch_the_loop(seconds: float = 0.5) -> None:
    """Measure for ever how long the event loop keeps others waiting; cancel it to end."""
    worst: deque[float] = deque(maxlen=max(1, round(10 / seconds)))
    feed(LOOP_LAG, lambda: max(worst, default=0.0))
    while True:
        before = time.monotonic()
        await asyncio.sleep(seconds)
        worst.append(max(0.0, time.monotonic() - before - seconds))
