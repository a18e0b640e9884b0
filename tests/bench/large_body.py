"""How long a sender waits for the answer to one message of 600 alerts: Alertmanager when a whole zone is down."""

import hashlib
import json
import time
import urllib.request
from collections.abc import Sequence
from statistics import median

from tests.bench import server
from tests.bench.report import Figure, main

ALERTS = 600
MESSAGES = 9
AIM_NEW = 250.0


def measure() -> Sequence[Figure]:
    """Milliseconds from the request to the answer, after the commit: all of them new, and all of them known."""
    with server.world() as world, server.openalert(world) as running:
        _post(running.port, _body("warm up"))
        bodies = [_body(f"zone {number}") for number in range(MESSAGES)]
        new = [_post(running.port, body) for body in bodies]
        known = [_post(running.port, body) for body in bodies]
    size = len(bodies[0]) / 1024
    return [
        Figure(
            what=f"one message of {ALERTS} new alerts, {size:.0f} kB",
            value=median(new),
            unit="ms",
            aim=AIM_NEW,
            is_time=True,
        ),
        Figure(what=f"the same {ALERTS} again", value=median(known), unit="ms", aim=AIM_NEW, is_time=True),
    ]


def _post(port: int, body: bytes) -> float:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/webhooks/prometheus/{server.KEY}",
        data=body,
        headers={"content-type": "application/json"},
    )
    begun = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["alertsProcessed"] == ALERTS
    return (time.perf_counter() - begun) * 1_000


def _body(zone: str) -> bytes:
    """A notification with the labels and annotations that kube-prometheus writes."""
    return json.dumps(
        {
            "version": "4",
            "groupKey": f'{{}}/{{zone="{zone}"}}:{{alertname="KubePodCrashLooping"}}',
            "status": "firing",
            "receiver": "openalert",
            "groupLabels": {"alertname": "KubePodCrashLooping"},
            "commonLabels": {"alertname": "KubePodCrashLooping", "zone": zone},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example.org",
            "truncatedAlerts": 0,
            "alerts": [_alert(zone, number) for number in range(ALERTS)],
        }
    ).encode()


def _alert(zone: str, number: int) -> dict[str, object]:
    pod = f"checkout-7d9f8b6c5d-{number:05x}"
    return {
        "status": "firing",
        "labels": {
            "alertname": "KubePodCrashLooping",
            "cluster": "prod-eu",
            "container": "checkout",
            "namespace": "shop",
            "pod": pod,
            "severity": "warning",
            "zone": zone,
        },
        "annotations": {
            "description": f"Pod shop/{pod} (checkout) is in waiting state (reason: CrashLoopBackOff).",
            "runbook_url": "https://runbooks.example.org/kubernetes/kubepodcrashlooping",
            "summary": "Pod is crash looping.",
        },
        "startsAt": "2026-01-05T09:00:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph?g0.expr=kube_pod_container_status_waiting_reason",
        "fingerprint": hashlib.sha256(pod.encode() + zone.encode()).hexdigest()[:16],
    }


if __name__ == "__main__":
    main(measure)
