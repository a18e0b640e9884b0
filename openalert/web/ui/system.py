"""The System page: would an alert arriving now page, the ways that were tried, and what was late; for admins."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert import __version__
from openalert.domain.access import Actor, Permission, Scope
from openalert.domain.canary import BUDGET, CanaryRun, Hop
from openalert.domain.certificate import Certificate, CertificateState
from openalert.domain.instant import SECOND, Instant, rfc3339, to_datetime
from openalert.domain.outage import WORDS, Ending
from openalert.domain.slo import AIM, BOUND, Objective, SloDay, percent
from openalert.domain.user import ApiKey
from openalert.storage import sqlite_file
from openalert.storage.database import Database
from openalert.storage.memory import LOW, SHORT, Memory, resident_bytes
from openalert.storage.slo import SeenMiss
from openalert.storage.transaction import Transaction
from openalert.usecases import api_keys, slo, system, watchers
from openalert.usecases.access import require
from openalert.usecases.system import Condition
from openalert.web.deep import clock_sets
from openalert.web.ui import choices, switch_proofs
from openalert.web.ui.forms import Errors, attempt, forget_shown, show_once, shown_once, values_of
from openalert.web.ui.frame import Values, Web, answer, go, sent, shell
from openalert.web.watching import Watch, watch_of

PATH = "/settings/system"
GAPS_LISTED = 8
MISSES_SHOWN = 20
LEAST_HIGH = 18
"""Of a day's misses, in hundredths."""
NAMES = {
    Objective.STEPS: "Steps of escalations",
    Objective.PAGES: "Pages with their provider",
}
LEAST_SCALE = 3 * SECOND
"""The height of the history of canaries, where none took longer."""
LEAST_WIDTH = 4
"""Of a gap in the strip, in thousandths: shorter ones would not be seen."""
HOPS = {
    Hop.ACCEPTED: "Answered",
    Hop.OPENED: "Incident",
    Hop.PAGED: "Escalated",
    Hop.CLAIMED: "Claimed",
    Hop.SENT: "Handed over",
    Hop.RESOLVED: "Resolved",
}
"""The way of an alert in words: `Answered` is the end of the request by which it came in."""
LOOKS = {
    CertificateState.UNKNOWN: "off",
    CertificateState.GOOD: "good",
    CertificateState.SOON: "warn",
    CertificateState.VERY_SOON: "bad",
    CertificateState.ENDED: "bad",
}
LIMITS = {
    "machine": "all that this machine has",
    "cgroup": "the limit of its container or unit",
    "RLIMIT_AS": "its limit of addresses, less what threads reserve",
}
"""Whose limit of memory leaves least, in words."""
_WATCHER_FIELDS = {"name": ("watcher_name", "The name"), "teamId": ("watcher_team", "The team")}


@get(PATH, include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The verdict, then everything that it rests on."""
    return await _page(request, db, actor, {}, {})


async def _page(
    request: Web, db: Database, actor: Actor, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    require(actor, Permission.CONFIGURE, None)
    config, watch = request.app.state.config, watch_of(request)
    made = shown_once(request)
    async with db.read() as reader:
        found = await system.look(reader)
        team_names = await choices.names_of_teams(reader, actor)
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            standing=watch.standing if watch else None,
            hops=_hops(found.runs[0]) if found.runs else [],
            last=found.runs[0] if found.runs else None,
            runs=_bars(found.runs),
            failures=found.failures,
            unsent=found.unsent,
            work=found.work,
            dead_letters=found.dead_letters,
            switch=watch if watch and watch.has_switch else None,
            objectives=_objectives(found),
            misses=[_miss(each) for each in await slo.misses(reader, actor, limit=MISSES_SHOWN)],
            proof=await switch_proofs.drawn(reader, actor, config),
            tasks=db.supervisor.troubles,
            disk=db.disk,
            memory=_memory(request.app.state.memory),
            free=system.free_bytes(config.data_dir),
            wal=system.wal_bytes(sqlite_file(config.database_url)),
            clock_sets=clock_sets(),
            clock_ahead=db.clocks.ahead,
            redis=request.app.state.redis,
            backups=found.backups,
            nodes=found.nodes,
            certificates=[_certificate(each, found.now) for each in found.certificates],
            lone=db.dialect == "sqlite",
            history=_history(found),
            probes=_probes(watch),
            version=__version__,
            watchers=[
                {
                    "name": each.key.name,
                    "team": team_names.get(each.key.team_id, "a team") if each.key.team_id else "",
                    "asked_at": each.key.last_used_at,
                    "has_stopped": each.has_stopped,
                }
                for each in await watchers.all_of_them(reader, actor)
            ],
            written_to_alone=await watchers.written_to_alone(reader, actor),
            watcher_teams=[("", "Every team"), *await choices.teams_to_configure(reader, actor)],
            commands=_commands(next(iter(made.values())), config.base_url) if made else "",
            errors=errors,
            values=values_of(typed, ("watcher_name", "watcher_team")),
        )
    return forget_shown(request, answer(request, "settings/system.html", context, 422 if errors else 200))


def _certificate(seen: Certificate, now: Instant) -> Values:
    return {
        "words": seen.words[:1].upper() + seen.words[1:],
        "where": seen.where,
        "look": LOOKS[seen.state(now)],
        "ends_at": seen.ends_at,
        "ended": seen.state(now) is CertificateState.ENDED,
        "problem": seen.problem,
        "looked_at": seen.looked_at,
    }


def _memory(known: Memory) -> Values:
    """What is left, of what, and what this process has; `nearly`: soon there is too little for new events."""
    room = known.room
    return {
        "left": room.left,
        "most": room.most,
        "of": LIMITS[room.of],
        "resident": resident_bytes(),
        "is_short": known.is_short(),
        "is_low": room.left < LOW,
        "least": SHORT,
    }


def _commands(key: str, url: str) -> str:
    """What is run on the second host, line by line."""
    return (
        "sudo install -d -m 700 /etc/openalert\n"
        f"echo {key} | sudo install -m 600 /dev/stdin /etc/openalert/watch.key\n"
        f"sudo openalert watch {url} --key-file /etc/openalert/watch.key --config /etc/openalert/watch.toml --test"
    )


@post("/settings/watchers", include_in_schema=False)
async def make_watcher(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A key for a watcher on another host, shown this once with what to run there."""
    require(actor, Permission.CONFIGURE, None)
    typed = await sent(request)

    async def body(tx: Transaction) -> tuple[ApiKey, str]:
        return await api_keys.create(
            tx,
            name=typed.get("watcher_name", ""),
            scopes=[Scope.WATCH],
            team_id=typed.get("watcher_team") or None,
        )

    made, errors = await attempt(db, actor, body, _WATCHER_FIELDS)
    if made is None:
        return await _page(request, db, actor, typed, errors)
    key, text = made
    return show_once(request, go(f"{PATH}#watchers", f"The key {key.name} is made."), key.id, text)


def _objectives(found: Condition) -> Values:
    """The lines of thirty days: the share in words, and each day as a bar of a hundred, drawn from the bottom."""
    stands = found.objectives
    return {
        "running": percent(stands.running),
        "since": stands.since,
        "was_away": stands.running < 1,
        "aim": percent(AIM),
        "lines": [
            {
                "name": NAMES[each.objective],
                "bound": f"{BOUND[each.objective] // SECOND} s",
                "share": None if each.ratio is None else percent(each.ratio),
                "is_met": each.is_met,
                "total": each.total,
                "missed": each.missed,
                "budget": None if each.budget_left is None else f"{round(each.budget_left * 100)} %",
                "days": [_day(number, day) for number, day in enumerate(each.days)],
            }
            for each in stands.lines
        ],
    }


def _day(number: int, day: SloDay) -> Values:
    """A bar ten wide; of misses at least so much is drawn that one of a thousand is seen."""
    date = to_datetime(day.begins_at).date()
    bad = 0 if not day.missed else max(LEAST_HIGH, round(100 * day.missed / day.total))
    said = "nothing was due" if not day.total else f"{day.kept:,} of {day.total:,} in time"
    return {
        "x": number * 10,
        "good": 100 - bad if day.total else 0,
        "bad": bad,
        "words": f"{date:%a} {date.day} {date:%b}: {said}",
    }


def _miss(miss: SeenMiss) -> Values:
    return {
        "due_at": miss.due_at,
        "what": miss.what,
        "late": miss.late,
        "reason": miss.reason,
        "number": miss.number,
        "title": miss.title,
        "href": f"/incidents/{miss.incident_id}" if miss.number is not None else "",
    }


def _history(found: Condition) -> Values:
    """The time since when anything is known as a strip of a thousand, and when nobody was there in it."""
    length = max(found.now - found.known_since, 1)
    return {
        "since": found.known_since,
        "away": sum(each.length for each in found.outages),
        "last": found.outages[0] if found.outages else None,
        "gaps": [each for each in found.outages if each.is_notable][:GAPS_LISTED],
        "more": max(0, sum(each.is_notable for each in found.outages) - GAPS_LISTED),
        "strip": [
            {
                "x": _thousandth(each.since - found.known_since, length),
                "width": max(LEAST_WIDTH, _thousandth(each.length, length)),
                "look": "meant" if each.ending is Ending.STOPPED else "bad",
                "words": each.words,
            }
            for each in found.outages
            if each.is_notable
        ],
        "endings": WORDS,
    }


def _thousandth(part: int, whole: int) -> int:
    return min(1000, max(0, round(part * 1000 / whole)))


def _probes(watch: Watch | None) -> list[Values]:
    """Each provider that is asked, with what it said last, or nothing yet."""
    if watch is None:
        return []
    return [{"channel": name, "said": watch.probes.last.get(name)} for name in watch.probes.channels]


def _hops(run: CanaryRun) -> list[Values]:
    """Those that it made by their time, then the one where it stood still, then those behind that.

    By time, as an incident is there before the sender is answered.
    """
    order = sorted(HOPS, key=lambda hop: (run.at(hop) is None, run.at(hop) or 0))
    return [
        {
            "name": HOPS[hop],
            "state": "good" if run.at(hop) is not None else "bad" if run.failed_at == hop else "off",
            "at": _so_far(run.at(hop)),
        }
        for hop in order
    ]


def _so_far(milliseconds: int | None) -> str:
    """`21 ms`, `1.04 s`; empty for what was not reached."""
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < SECOND else f"{milliseconds / SECOND:.2f} s"


def _bars(runs: Sequence[CanaryRun]) -> list[Values]:
    """The runs in the history, the oldest first: how high, of ten steps of the slowest one, and in which colour."""
    took = [BUDGET if run.resolved_ms is None else run.resolved_ms for run in runs]
    whole = max([LEAST_SCALE, *took])
    return [
        {
            "when": rfc3339(run.started_at),
            "green": run.is_green,
            "took": each,
            "step": min(10, max(1, round(each * 10 / whole))),
        }
        for run, each in reversed(list(zip(runs, took, strict=True)))
    ]


ROUTES: Sequence[HTTPRouteHandler] = [show, make_watcher]
