"""What the members of heartbeats and their beats mean: a part of `vocabulary.MEMBERS`."""

from typing import Any

_DAY = "2026-01-31T"

MEMBERS: dict[str, tuple[str, Any]] = {
    "graceSeconds": ("So many seconds a beat may come late.", 600),
    "heartbeatUrl": (
        "Where beats go; null for one that is heard by alerts.",
        "https://oncall.example.com/heartbeats/…f4Qz",
    ),
    "intervalSeconds": ("Seconds between two beats; null: `cron` says when.", 86400),
    "isLearned": ("Whether interval and grace follow what is observed.", False),
    "lastBeatAt": (
        "When the last beat came that said success or failure; null: none yet.",
        f"{_DAY}03:31:12Z",
    ),
    "lateAt": ("When somebody is told unless a beat comes; null: none is expected.", "2026-02-01T03:41:12Z"),
    "expectedAt": ("When the next beat is expected.", "2026-02-01T03:31:12Z"),
    "Heartbeat.integrationId": (
        "The integration by which a Watchdog alert is heard; null for an address.",
        None,
    ),
    "Heartbeat.key": ("The key in the address; shown this once.", "4TfQ2mVx8Lk9JpWc6RbZ"),
    "Heartbeat.name": ("What people call it.", "Nightly backup"),
    "HeartbeatIn.name": ("What people call it.", "Nightly backup"),
    "HeartbeatPatch.name": ("What people call it.", "Nightly backup"),
    "Heartbeat.severity": ("Of the alert when it is late or failed.", "high"),
    "HeartbeatIn.severity": ("Of the alert when it is late or failed.", "high"),
    "HeartbeatPatch.severity": ("Of the alert when it is late or failed.", "high"),
    "Heartbeat.since": ("Since when it has this status.", f"{_DAY}03:31:12Z"),
    "Heartbeat.status": ("`new`, `healthy`, `late`, `failed` or `paused`.", "healthy"),
    "Heartbeat.timezone": ("The IANA zone whose clocks `cron` goes by.", "Europe/Berlin"),
    "HeartbeatIn.timezone": ("The IANA zone whose clocks `cron` goes by.", "Europe/Berlin"),
    "HeartbeatPatch.timezone": ("The IANA zone whose clocks `cron` goes by.", "Europe/Berlin"),
    "cron": ("Five fields, as in a crontab; null: `intervalSeconds` says how often.", None),
    "Beat.at": ("When it came.", f"{_DAY}03:31:12Z"),
    "Beat.body": ("The first 10 KiB of what it brought along.", "backup done: 41 GB"),
    "Beat.kind": ("`success`, `start`, `fail` or `log`.", "success"),
    "Beat.exitCode": ("The exit code that it told; null: none.", 0),
    "Beat.durationSeconds": ("Seconds since the start that it ended; null: none was told.", 71.2),
}
