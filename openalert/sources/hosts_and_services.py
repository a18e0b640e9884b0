"""Nagios, Icinga, Naemon and Checkmk: notifications about hosts and services, by the names of their macros.

The four share words, states and types of notifications
(https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html); the user's script posts them, so
every name may be spelled in several ways. `checkmk`, `icinga` and `nagios` differ in how they are told apart.
"""

from collections.abc import Callable
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, first, plain
from openalert.sources.source import Inbound, Nothing

_STATES = {
    "ok": None,
    "up": None,
    "pending": None,
    "warning": Severity.HIGH,
    "warn": Severity.HIGH,
    "unknown": Severity.MEDIUM,
    "unreachable": Severity.HIGH,
    "unreach": Severity.HIGH,
    "critical": Severity.CRITICAL,
    "crit": Severity.CRITICAL,
    "down": Severity.CRITICAL,
}
_SERVICE_CODES = {"0": None, "1": Severity.HIGH, "2": Severity.CRITICAL, "3": Severity.MEDIUM}
_HOST_CODES = {"0": None, "1": Severity.CRITICAL, "2": Severity.HIGH}
_SILENT = ("downtime", "flapping", "custom", "alerthandler")
_TYPE = plain("notificationtype type notification")
_STATE = plain(
    "servicestate hoststate state status currentstate newstate serviceshortstate hostshortstate severity"
)
_HOST_STATE = tuple(name for name in _STATE if not name.startswith("service"))
_HOST = plain("hostname hostdisplayname host hostalias")
_SERVICE = plain("servicedesc servicedescription servicename service servicedisplayname")
_OUTPUT = plain("serviceoutput hostoutput output checkoutput pluginoutput message info")
_LONG = plain("longserviceoutput longhostoutput longoutput longpluginoutput details")
_LINK = plain("url link serviceurl hosturl serviceactionurl hostactionurl icingawebpath")
_MOMENT = plain(
    "timestamp timet laststatechange lastservicestatechange laststatechange microtime shortdatetime"
)
_COMMENT = plain("notificationcomment ackcomment comment serviceackcomment hostackcomment")
_AUTHOR = plain("notificationauthor ackauthor author notificationauthorname serviceackauthor hostackauthor")


def reader(name: str) -> Callable[[dict[str, Any], Inbound], Signal | Nothing]:
    """The reader of one of the four, which only differ in their name."""
    return lambda body, inbound: _read(name, body, inbound)


def _read(name: str, body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    fields = Fields(_without_prefix(body))
    kind = text.line(first(*fields.values(_TYPE))).lower().replace(" ", "").replace("_", "")
    if kind.startswith(_SILENT):
        return Nothing(f'A notification of the kind "{kind}" is no alert: nothing to do.')
    host, service = first(*fields.values(_HOST)), _service(fields)
    severity = _severity(fields, has_service=service is not None)
    status = SignalStatus.RESOLVED if severity is None else SignalStatus.FIRING
    if kind.startswith("recovery"):
        status, severity = SignalStatus.RESOLVED, None
    elif kind.startswith("ack"):
        status = SignalStatus.ACKNOWLEDGED
    elif kind.startswith("problem") and status is SignalStatus.RESOLVED:
        status = SignalStatus.FIRING
    output = normal.first_line(tuple(fields.values(_OUTPUT)))
    what = (
        f"{text.scalar(service)} on {text.scalar(host)}"
        if service is not None and host is not None
        else first(service, host)
    )
    state = text.line(first(*fields.values(_STATE if service is not None else _HOST_STATE)))
    moment = first(*fields.values(_MOMENT))
    return normal.signal(
        name,
        inbound.received_at,
        status=status,
        severity=severity,
        title=(what and (f"{what} is {state}" if state else what), fields.get("summary"), output),
        key=identity.of(name, (host, _kind(fields, service), service or ""), (service,)),
        group=f"{name}/{text.scalar(host)}" if host is not None else "",
        description=("\n".join(filter(None, (output, text.paragraphs(first(*fields.values(_LONG)))))),),
        labels={
            "host": host,
            "service": service,
            "site": first(fields.get("site"), fields.get("omdsite")),
            "address": first(fields.get("hostaddress"), fields.get("address")),
            "host_groups": first(fields.get("hostgroupnames"), fields.get("hostgroups")),
        },
        annotations={
            "output": output,
            "comment": first(*fields.values(_COMMENT)),
            "author": first(*fields.values(_AUTHOR)),
            "contact": fields.get("contactname"),
            "check": first(fields.get("checkcommand"), fields.get("servicecheckcommand")),
        },
        links=tuple(("Source", value) for value in fields.values(_LINK)[:3])
        + tuple(
            ("Runbook", value) for value in fields.values(plain("notesurl servicenotesurl hostnotesurl"))[:1]
        ),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


def _service(fields: Fields) -> Any:
    """The service; of a host's own notification there is none, whatever its macros were left as."""
    if text.line(fields.get("what")).upper() == "HOST":
        return None
    found = first(*fields.values(_SERVICE))
    return None if isinstance(found, str) and found.startswith("$") else found


def _kind(fields: Fields, service: Any) -> str:
    said = text.line(fields.get("what")).lower()
    return said or ("host" if service is None else "service")


def _severity(fields: Fields, *, has_service: bool) -> Severity | None:
    """None: the state is good. The state's word, else its number; what nobody knows is bad."""
    codes = _SERVICE_CODES if has_service else _HOST_CODES
    states = _STATE if has_service else _HOST_STATE
    for value in fields.values(states) + fields.values(plain("servicestateid hoststateid stateid")):
        word = value.strip().lower() if isinstance(value, str) else text.scalar(value)
        if word in _STATES:
            return _STATES[word] and (words.own_level(word) or _STATES[word])
        if word in codes:
            return codes[word] and (words.own_level(word) or codes[word])
        if found := words.status(word):
            return None if found is SignalStatus.RESOLVED else words.severity(word) or Severity.HIGH
    return Severity.HIGH


def _without_prefix(body: dict[str, Any]) -> dict[str, Any]:
    """The names of macros as the programs export them: `NOTIFY_HOSTNAME`, `NAGIOS_HOSTNAME`, `$HOSTNAME$`."""
    if not any(name.startswith(("NOTIFY_", "NAGIOS_", "ICINGA_", "$")) for name in body):
        return body
    return {
        name.strip("$").removeprefix("NOTIFY_").removeprefix("NAGIOS_").removeprefix("ICINGA_"): value
        for name, value in body.items()
    }
