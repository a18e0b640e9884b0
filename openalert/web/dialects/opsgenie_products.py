"""Which of our sources a product is that Opsgenie has an address for: its own names of them, in any case."""

from openalert.sources import DETECT, named

_NAMES = {
    "amazoncloudwatch": "cloudwatch",
    "azureautoscale": "azure",
    "azureoms": "azure",
    "azureresourcehealth": "azure",
    "azureservicehealth": "azure",
    "cloudwatchevents": "cloudwatch",
    "dynatracev2": "dynatrace",
    "eswatcher": "elastic",
    "googlestackdriver": "gcp",
    "grafanav2": "grafana",
    "nagiosv2": "nagios",
    "nagiosxi": "nagios",
    "newrelicv2": "newrelic",
    "opsgenie": "opsgenie",
    "pagerduty": "pagerdutyevents",
    "pagerdutycompatibility": "pagerdutyevents",
    "pingdomv2": "pingdom",
    "pingdomwebhook": "pingdom",
    "splunkitsi": "splunk",
    "statuspageio": "statuspage",
}
"""Opsgenie's names of products that are not our own for them."""


def source_of(name: str) -> str:
    """The source that Opsgenie's name of a product means; `DETECT` when there is none of that name."""
    plain = name.lower().replace("-", "").replace("_", "")
    return named(_NAMES.get(plain, plain)) or DETECT
