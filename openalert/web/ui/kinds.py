"""The kinds of senders as people look for them: name, what they do, and what one copies to them."""

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """One kind of sender."""

    key: str
    """The source's name in an address."""
    name: str
    category: str
    where: str
    """Where at the sender the address goes; one line."""


METRICS, UPTIME, CLOUD, SERVERS = (
    "Metrics and dashboards",
    "Uptime and status",
    "Clouds",
    "Servers and networks",
)
APPLICATIONS, LOGS, CODE, PAGERS = "Applications", "Logs and security", "Code and delivery", "Other pagers"
ANYTHING = "Anything else"

KINDS = (
    Kind(
        "prometheus",
        "Prometheus Alertmanager",
        METRICS,
        "alertmanager.yml: webhook_configs; or Prometheus and vmalert themselves",
    ),
    Kind("grafana", "Grafana", METRICS, "Alerting, Contact points, Webhook"),
    Kind("datadog", "Datadog", METRICS, "Integrations, Webhooks, and @webhook-… in a monitor"),
    Kind("kapacitor", "Kapacitor", METRICS, "TICKscript: alert().post()"),
    Kind("librato", "Librato and AppOptics", METRICS, "Integrations, Webhook"),
    Kind("signalfx", "Splunk Observability (SignalFx)", METRICS, "Available integrations, Webhook"),
    Kind("dash0", "Dash0", METRICS, "Notification channels, Webhook"),
    Kind("netdata", "Netdata", METRICS, "Space settings, Alerts & Notifications, Webhook"),
    Kind("pingdom", "Pingdom", UPTIME, "Integrations, Add integration, Webhook"),
    Kind("uptimerobot", "UptimeRobot", UPTIME, "Integrations, Webhook, sent as JSON"),
    Kind("uptimekuma", "Uptime Kuma", UPTIME, "Settings, Notifications, Webhook"),
    Kind("updown", "updown.io", UPTIME, "Settings, Recipients, Webhook"),
    Kind("checkly", "Checkly", UPTIME, "Alert channels, Webhook"),
    Kind("site24x7", "Site24x7", UPTIME, "Third-party integrations, Webhooks"),
    Kind("statuspage", "Statuspage of others", UPTIME, "Subscribe to updates, the tab <>"),
    Kind("thousandeyes", "ThousandEyes", UPTIME, "Integrations, Custom webhook"),
    Kind("cloudwatch", "Amazon CloudWatch and SNS", CLOUD, "SNS topic, Create subscription, HTTPS"),
    Kind("azure", "Azure Monitor", CLOUD, "Action group, Webhook, with the common alert schema"),
    Kind("gcp", "Google Cloud Monitoring", CLOUD, "Alerting, Edit notification channels, Webhooks"),
    Kind("alibaba_cms", "Alibaba Cloud Monitor", CLOUD, "Alert rule, Alert callback"),
    Kind("zabbix", "Zabbix", SERVERS, "Media types, Webhook"),
    Kind("checkmk", "Checkmk", SERVERS, "Notification script"),
    Kind("icinga", "Icinga 2", SERVERS, "NotificationCommand, or the event stream"),
    Kind("nagios", "Nagios and Naemon", SERVERS, "Notification command"),
    Kind("sensu", "Sensu", SERVERS, "Handler"),
    Kind("librenms", "LibreNMS", SERVERS, "Alert transports, API"),
    Kind("newrelic", "New Relic", APPLICATIONS, "Destinations, Webhook, and a workflow"),
    Kind("dynatrace", "Dynatrace", APPLICATIONS, "Problem notifications, Custom integration"),
    Kind("sentry", "Sentry", APPLICATIONS, "Internal integration, Webhook URL"),
    Kind("rollbar", "Rollbar", APPLICATIONS, "Notifications, Webhook"),
    Kind("honeybadger", "Honeybadger", APPLICATIONS, "Alerts & Integrations, WebHook"),
    Kind("elastic", "Elastic and Kibana", LOGS, "Connectors, Webhook"),
    Kind("graylog", "Graylog", LOGS, "Notifications, HTTP notification"),
    Kind("splunk", "Splunk", LOGS, "Alert, Add actions, Webhook"),
    Kind("axiom", "Axiom", LOGS, "Notifiers, Custom webhook"),
    Kind("github", "GitHub", CODE, "Settings, Webhooks, as application/json"),
    Kind("gitlab", "GitLab", CODE, "Settings, Webhooks"),
    Kind("opsgenie", "Opsgenie webhooks", PAGERS, "Integrations, Webhook"),
    Kind(
        "opsgenie_api",
        "Opsgenie's Alert API",
        PAGERS,
        "any tool that pages through Opsgenie: its API URL and API key",
    ),
    Kind("pagerduty", "PagerDuty webhooks", PAGERS, "Generic webhooks (v3)"),
    Kind(
        "pagerduty_events",
        "PagerDuty's Events API",
        PAGERS,
        "any tool that pages through PagerDuty: its URL and routing key",
    ),
    Kind(
        "email", "Anything that writes mails", ANYTHING, "a backup job, cron, a storage box: its mail address"
    ),
    Kind("generic", "Anything that posts JSON", ANYTHING, "a script, a program, any webhook"),
    Kind("v1", "Several kinds: find out which", ANYTHING, "whatever posts there is recognised"),
)
"""Every kind, by category."""

BY_KEY = {kind.key: kind for kind in KINDS}


def categories(query: str = "") -> list[tuple[str, list[Kind]]]:
    """The kinds under their headings, in the order of the page; only those in whose words `query` is."""
    wanted = query.casefold().split()
    found: dict[str, list[Kind]] = {}
    for kind in KINDS:
        words = f"{kind.name} {kind.key} {kind.category} {kind.where}".casefold()
        if all(word in words for word in wanted):
            found.setdefault(kind.category, []).append(kind)
    return list(found.items())


BODIES = {
    "datadog": """{"title": "$EVENT_TITLE", "body": "$TEXT_ONLY_MSG", "alert_transition": "$ALERT_TRANSITION",
 "alert_type": "$ALERT_TYPE", "priority": "$ALERT_PRIORITY", "alert_id": "$ALERT_ID", "aggreg_key": "$AGGREG_KEY",
 "scopes": "$ALERT_SCOPE", "hostname": "$HOSTNAME", "tags": "$TAGS", "link": "$LINK", "date": "$DATE"}""",
    "uptimerobot": """{"monitorID": "*monitorID*", "monitorURL": "*monitorURL*",
 "monitorFriendlyName": "*monitorFriendlyName*", "alertType": "*alertType*",
 "alertTypeFriendlyName": "*alertTypeFriendlyName*", "alertDetails": "*alertDetails*",
 "alertDateTime": "*alertDateTime*"}""",
    "dynatrace": """{"State": "{State}", "PID": "{PID}", "ProblemID": "{ProblemID}", "ProblemTitle": "{ProblemTitle}",
 "ProblemSeverity": "{ProblemSeverity}", "ProblemImpact": "{ProblemImpact}", "ProblemURL": "{ProblemURL}",
 "ImpactedEntity": "{ImpactedEntity}", "Tags": "{Tags}", "ProblemDetailsText": "{ProblemDetailsText}"}""",
    "elastic": """{"rule": {"id": "{{rule.id}}", "name": "{{rule.name}}", "url": "{{rule.url}}"},
 "alert": {"id": "{{alert.id}}", "actionGroup": "{{alert.actionGroup}}"},
 "context": {"reason": "{{context.reason}}", "message": "{{context.message}}", "value": "{{context.value}}"},
 "date": "{{date}}", "severity": "high"}""",
    "librenms": """{"title": "{{ $title }}", "hostname": "{{ $hostname }}", "device_id": "{{ $device_id }}",
 "rule_id": "{{ $rule_id }}", "name": "{{ $name }}", "severity": "{{ $severity }}", "state": "{{ $state }}",
 "timestamp": "{{ $timestamp }}", "uid": "{{ $uid }}", "msg": "{{ $msg }}"}""",
    "zabbix": """var p = JSON.parse(value), r = new HttpRequest();
r.addHeader("Content-Type: application/json");
r.post(p.URL, JSON.stringify({trigger: p.EVENT_NAME, event_id: p.EVENT_ID, trigger_id: p.TRIGGER_ID,
  hostname: p.HOST, severity: p.SEVERITY, status: p.STATUS, event_value: p.EVENT_VALUE,
  event_update_action: p.ACTION, opdata: p.OPDATA, link: p.LINK}));
if (r.getStatus() >= 300) throw "OpenAlert answered " + r.getStatus();
return "OK";""",
}
"""What senders post whose body people write themselves, to be copied there."""
