"""`/proof/{token}`: the page behind "I got it" in a test page. Looking changes nothing; pressing proves the address."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.errors import NotFound
from openalert.storage.database import Database
from openalert.usecases import test_pages
from openalert.web.guards import stranger
from openalert.web.ui.frame import Web, answer, go, plain
from openalert.web.ui.links import secret_of


@get("/proof/{token:str}", opt={"public": True}, include_in_schema=False)
async def show(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[str]:
    """What it proves, and one button; or that it is done."""
    try:
        async with db.read() as reader:
            proof = await test_pages.opened(reader, secret_of(request), token)
    except NotFound:
        return _over(request, db)
    kind = CONTACT_KINDS.get(proof.method.type)
    context = plain(
        request,
        db.clock(),
        state="done" if proof.is_proven else "ask",
        path=f"/proof/{token}",
        who=proof.user.name,
        way={
            "type": proof.method.type,
            "words": kind.words if kind else proof.method.type,
            "label": proof.method.label or proof.method.address,
        },
    )
    return answer(request, "actions/proof.html", context)


@post("/proof/{token:str}", opt={"public": True}, include_in_schema=False)
async def prove(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[Any]:
    """It arrived."""
    try:
        async with db.transaction(stranger(request)) as tx:
            await test_pages.prove(tx, secret_of(request), token)
    except NotFound:
        return _over(request, db)
    return go(f"/proof/{token}")


def _over(request: Web, db: Database) -> Response[str]:
    return answer(request, "actions/proof.html", plain(request, db.clock(), state="over"), 404)


ROUTES: Sequence[HTTPRouteHandler] = [show, prove]
