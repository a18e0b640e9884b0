"""Mapping: where in the body of a sender that we do not know its alerts are, member by member."""

import msgspec


class Mapping(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """Expressions of an integration, by what they find; "" leaves a member to the usual reading.

    A dotted path (`alert.host.0.name`) or JMESPath. Each is looked up in one item, with `$.` before it in the whole
    body. `openalert.sources.mapping` checks and applies them.
    """

    items: str = ""
    """The list of alerts in the body; "": the usual places."""
    title: str = ""
    description: str = ""
    severity: str = ""
    """A word of the integration's own table of severities, or one that is known anyway."""
    status: str = ""
    """A word such as `firing` or `resolved`; true is firing, false is resolved."""
    identity: str = ""
    """What makes it the same alert the next time; several values are joined."""
    group: str = ""
    """Alerts with equal groups are one incident."""
    starts_at: str = ""
    labels: dict[str, str] = {}
    """Expressions by the name of the label."""
    links: dict[str, str] = {}
    """Expressions by the words of the link; what they find is an http or https address."""
