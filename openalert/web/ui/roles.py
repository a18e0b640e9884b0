"""Who may do what: the matrix as people read it, act by act and role by role."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor, Role
from openalert.storage import teams
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.web import matrix
from openalert.web.matrix import Act
from openalert.web.ui import choices
from openalert.web.ui.frame import Values, Web, answer, shell

COLUMNS = (Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER)


@get("/roles", include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """A table of acts and roles, and which roles the reader has."""
    async with db.read() as reader:
        context = await shell(
            request,
            reader,
            actor,
            "/teams",
            columns=[role.value.capitalize() for role in COLUMNS],
            sections=[
                {"name": section.name, "acts": [_row(act) for act in section.acts if act.needs != "anyone"]}
                for section in matrix.sections()
            ],
            mine=await _mine(reader, actor),
        )
    return answer(request, "roles/show.html", context)


def _row(act: Act) -> Values:
    """An act with a mark for each role: `yes`, `no`, `own` (what is one's own), `paged` (what pages one)."""
    return {
        "words": act.words,
        "where": "organization" if act.needs.startswith("organization") else "",
        "marks": [_mark(act.needs, role) for role in COLUMNS],
    }


def _mark(needs: str, role: Role) -> str:
    if needs in ("signed in", "self"):
        return "yes" if needs == "signed in" else "own"
    if needs == "watch key":
        return "no"
    if needs == "self or admin":
        return "yes" if role.rank >= Role.ADMIN.rank else "own"
    words = needs.removesuffix(" or paged").split()
    if role.rank >= Role(words[-1]).rank:
        return "yes"
    return "paged" if needs.endswith("or paged") else "no"


async def _mine(reader: Reader, actor: Actor) -> Values:
    """The reader's own roles, in words."""
    names = {each.id: each.name for each in await teams.page(reader, actor, limit=choices.MOST)}
    return {
        "organization": actor.role.value,
        "everywhere": actor.sees_all_teams,
        "teams": [
            {"name": names[team_id], "role": role.value}
            for team_id, role in actor.teams.items()
            if team_id in names
        ],
    }


ROUTES: Sequence[HTTPRouteHandler] = [show]
