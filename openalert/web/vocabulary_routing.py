"""What the members of routing rules mean, for the description of the API."""

from typing import Any

_ID = "019b8d62-7a80-7003-a352-03ab0e4992a3"
_LOW: dict[str, Any] = {"type": "severity", "values": ["low", "info"]}
_NIGHT: dict[str, Any] = {
    "type": "time",
    "timezone": "Europe/Berlin",
    "windows": [{"days": [1, 2, 3, 4, 5], "fromTime": "22:00", "toTime": "07:00"}],
}
_BOTH: dict[str, Any] = {"type": "all", "conditions": [_LOW, _NIGHT]}

MEMBERS: dict[str, tuple[str, Any]] = {
    "actions": ("What the rule does; a later rule that sets the same thing has its way.", {"suppress": {}}),
    "Actions.delayMinutes": (
        "Held so many minutes, up to 1440: what resolves meanwhile pages nobody.",
        5,
    ),
    "Actions.drop": ("No alert comes of it; the message is kept with the reason.", False),
    "Actions.groupBy": (
        "Fields as `title`, `severity`, `label:NAME`: what is equal in them is one incident.",
        ["label:cluster"],
    ),
    "Actions.priority": ("`P1` to `P5`: other words for the severity.", None),
    "Actions.serviceId": ("The service that answers for it.", None),
    "Actions.severity": ("How bad it is taken to be.", "low"),
    "Actions.suppress": ("Kept from paging, and on the list.", {"minutes": None}),
    "Actions.tags": ("Words put on the alert.", ["noise"]),
    "AllOf.conditions": ("Every one of them; none: every alert.", [_LOW]),
    "AnyOf.conditions": ("At least one of them.", [_LOW]),
    "Not.condition": ("What must not be so.", _LOW),
    "condition": (
        "When the rule applies: `type` says what is compared, and `all`, `any` and `not` join.",
        _BOTH,
    ),
    "AllOf.type": ("`all`", "all"),
    "AnyOf.type": ("`any`", "any"),
    "Not.type": ("`not`", "not"),
    "SourceIs.type": ("`source`: what read the message.", "source"),
    "SourceIs.values": ("Names of sources.", ["prometheus"]),
    "SeverityIs.type": ("`severity`, as the rules before have left it.", "severity"),
    "SeverityIs.values": ("Severities.", ["low", "info"]),
    "LabelFits.type": ("`label`, compared as Prometheus compares.", "label"),
    "LabelFits.name": ("The label; one that is missing is empty.", "env"),
    "LabelFits.operator": (
        "`=`, `!=`, or for a regular expression of RE2 that fits all of it `=~`, `!~`.",
        "=~",
    ),
    "LabelFits.value": ("What it is compared with.", "prod|staging"),
    "TextFits.type": ("`text`", "text"),
    "TextFits.place": ("`title`, `description`, or `any` of them.", "title"),
    "TextFits.operator": (
        "`contains`, whatever the case; `matches` a regular expression of RE2 somewhere.",
        "contains",
    ),
    "TextFits.value": ("The words, or the regular expression.", "certificate"),
    "HasTag.type": ("`tag`, put on by the rules before.", "tag"),
    "HasTag.values": ("Tags, one of which it has.", ["noise"]),
    "CameBy.type": ("`integration`", "integration"),
    "CameBy.values": ("Ids of integrations.", [_ID]),
    "OfService.type": ("`service`, as the rules before have left it.", "service"),
    "OfService.values": ("Ids of services.", [_ID]),
    "InTime.type": ("`time`: when the alert comes, by the clocks of a zone.", "time"),
    "InTime.windows": ("Hours of the week; none: at any hour.", _NIGHT["windows"]),
    "InTime.fromDate": ("The first day, `YYYY-MM-DD`.", "2026-12-24"),
    "InTime.toDate": ("The last day.", "2026-12-26"),
    "Hours.days": ("The days on which it begins, 0 = Sunday.", [1, 2, 3, 4, 5]),
    "Hours.fromTime": ("`HH:MM`.", "22:00"),
    "Hours.toTime": ("`HH:MM`; not later than the beginning: on the next day.", "07:00"),
    "RoutingRule.id": ("Its id.", _ID),
    "RoutingRule.name": ("What people call it; an alert's trace names it.", "Quiet lows at night"),
    "RoutingRuleIn.name": ("What people call it; an alert's trace names it.", "Quiet lows at night"),
    "RoutingRulePatch.name": ("What people call it.", "Quiet lows at night"),
    "RoutingRule.integrationId": ("The integration that it is about; null: everything of the team.", None),
    "RoutingRuleIn.integrationId": (
        "The integration that it is about; without: everything of the team.",
        None,
    ),
    "ReorderIn.integrationId": ("The integration whose rules they are; without: those of the team.", None),
    "RoutingRule.position": ("Its place in its list, from 1.", 1),
    "RoutingRuleIn.position": ("Its place in its list, from 1; without it, the last.", 1),
    "RoutingRule.sentence": (
        "The rule in words.",
        "When severity is low or info: suppress until it is resolved.",
    ),
    "hits": ("To how many alerts it applied in the last 30 days.", 181),
    "lastHitAt": ("When it last applied; null: not in the last 30 days.", "2026-01-31T03:10:00Z"),
    "stop": ("Whether no later rule is asked about an alert to which it applied.", False),
    "Suppression.minutes": ("For how long; null: until it is resolved.", None),
    "threshold": ("Applies only from so many alerts within a time on, or only below; null: always.", None),
    "Threshold.count": ("How many, 2 to 100.", 3),
    "Threshold.minutes": ("Within how many minutes, up to 1440.", 10),
    "Threshold.by": ("Fields as in `groupBy`: each kind is counted by itself.", ["label:instance"]),
    "Threshold.side": ("`reached`: from that many on; `below`: those before.", "reached"),
    "ReorderIn.ids": ("Every rule of the list, in the order wanted.", [_ID]),
}
