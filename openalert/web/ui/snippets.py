"""What one copies to a sender: the address alone, or the part of its configuration that holds address and key."""

from collections.abc import Callable
from urllib.parse import urlsplit

from openalert.web.ui.setup import alertmanager, curl

Snippets = tuple[tuple[str, str], ...]
"""Where it goes, in a few words, and the text."""


def first(kind: str, base: str, key: str) -> str:
    """What nearly everybody copies."""
    url = f"{base}/webhooks/{kind}/{key}"
    if kind == "prometheus":
        return alertmanager(url)
    if kind == "pagerduty_events":
        return f"url: {base}/v2/enqueue\nrouting_key: {key}"
    if kind == "opsgenie_api":
        return f"api_url: {base}/\napi_key: {key}"
    return curl(url) if kind == "generic" else url


def others(kind: str, base: str, key: str) -> Snippets:
    """The other ways, each for some; empty where the first one is all there is."""
    made = _OTHERS.get(kind)
    return made(base, key) if made else ()


def _of_prometheus(base: str, key: str) -> Snippets:
    parts = urlsplit(base)
    prometheus = f"""alerting:
  alertmanagers:
    - scheme: {parts.scheme}
      authorization:
        credentials: {key}
      static_configs:
        - targets: ["{parts.netloc}"]"""
    vmalert = f"vmalert -notifier.url={base} -notifier.bearerToken={key}"
    return (
        ("Prometheus without an Alertmanager: prometheus.yml", prometheus),
        ("vmalert without an Alertmanager: its command line", vmalert),
    )


def _of_pagerduty_events(base: str, key: str) -> Snippets:
    receiver = f"""receivers:
  - name: openalert
    pagerduty_configs:
      - url: {base}/v2/enqueue
        routing_key: {key}
        send_resolved: true"""
    event = (
        f'{{"routing_key":"{key}","event_action":"trigger","dedup_key":"disk-db-1",'
        '"payload":{"summary":"Disk almost full","source":"db-1","severity":"error"}}'
    )
    script = f"curl -X POST {base}/v2/enqueue -H 'Content-Type: application/json' -d '{event}'"
    return (
        ("Alertmanager: alertmanager.yml", receiver),
        ("A script", script),
        ("Where a tool takes a URL and no key", f"{base}/webhooks/pagerduty_events/{key}"),
        (
            "Version 1 of the API, with this key as service_key",
            f"{base}/generic/2010-04-15/create_event.json",
        ),
    )


def _of_opsgenie_api(base: str, key: str) -> Snippets:
    receiver = f"""receivers:
  - name: openalert
    opsgenie_configs:
      - api_url: {base}/
        api_key: {key}"""
    alert = '{"message":"Disk almost full","alias":"disk-db-1","priority":"P2"}'
    script = (
        f"curl -X POST {base}/v2/alerts -H 'Authorization: GenieKey {key}' "
        f"-H 'Content-Type: application/json' -d '{alert}'"
    )
    return (
        ("Alertmanager: alertmanager.yml", receiver),
        ("A script", script),
        ("Where a tool takes the whole address: Grafana, ElastAlert", f"{base}/v2/alerts"),
        ("A product with an address of its own at Opsgenie", f"{base}/v1/json/azure?apiKey={key}"),
        ("Where a tool takes a URL and no key", f"{base}/webhooks/opsgenie_api/{key}"),
    )


_OTHERS: dict[str, Callable[[str, str], Snippets]] = {
    "prometheus": _of_prometheus,
    "pagerduty_events": _of_pagerduty_events,
    "opsgenie_api": _of_opsgenie_api,
}
