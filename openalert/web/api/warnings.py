"""JSON `/warnings`: what would keep a page from arriving, found before it does."""

from datetime import datetime
from typing import Annotated, TypeAlias

from litestar import Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from openalert.domain.access import Actor
from openalert.domain.links_back import LinksBack
from openalert.domain.severity import Severity
from openalert.domain.warning import Finding, WarningKind
from openalert.storage.database import Database
from openalert.usecases import warning_installation, warnings
from openalert.usecases.channel_states import missing
from openalert.web.api.wire import READS, Output, TeamFilter, Words, moment_or_none, words
from openalert.web.paging import Page

Kinds: TypeAlias = Annotated[
    str | None, QueryParameter(name="kind", description="One kind, or several separated by commas.")
]


class WarningOut(Output):
    """One thing that would keep a page from arriving."""

    kind: WarningKind
    severity: Severity
    subject: str
    subject_id: str | None
    team_id: str | None
    message: str
    detail: str
    starts_at: datetime | None
    ends_at: datetime | None
    url: str


def show(finding: Finding, base_url: str) -> WarningOut:
    """A warning as it is answered."""
    return WarningOut(
        kind=finding.kind,
        severity=finding.severity,
        subject=finding.subject,
        subject_id=finding.subject_id,
        team_id=finding.team_id,
        message=finding.words,
        detail=finding.detail,
        starts_at=moment_or_none(finding.at),
        ends_at=moment_or_none(finding.until),
        url=f"{base_url}{finding.link}",
    )


@get("/", responses=READS)
async def list_warnings(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    state: State,
    kind: Kinds = None,
    severity: Words = None,
    team_id: TeamFilter = None,
) -> Page[WarningOut]:
    """What would hurt in the coming 30 days, the worst first, in one page; an empty list: everything is in order."""
    kinds = words(kind, list(WarningKind), "kind")
    severities = words(severity, list(Severity), "severity")
    outlook = await warnings.look(db, actor, missing(state.config), warning_installation.of(state.config))
    return Page(
        items=[
            show(each, links_back.base_url)
            for each in outlook.findings
            if (kinds is None or each.kind in kinds)
            and (severities is None or each.severity in severities)
            and team_id in (None, each.team_id)
        ]
    )


routes = Router(path="/warnings", tags=["warnings"], route_handlers=[list_warnings])
