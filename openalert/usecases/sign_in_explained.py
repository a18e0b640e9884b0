"""A sign-in that signs nobody in: what the provider sent, and what would come of it, for whoever sets it up."""

from typing import Any

import msgspec

from openalert.domain.access import SYSTEM, Role
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import SECOND, to_datetime
from openalert.domain.single_sign_on import Grant, Person
from openalert.domain.user import User, email_key
from openalert.storage import organizations, teams, users
from openalert.storage import single_sign_on as storage
from openalert.storage.transaction import Reader
from openalert.usecases.mapped_roles import managed_teams
from openalert.usecases.single_sign_on import Finished, SingleSignOn

LONGEST_SHOWN = 200
MOST_SHOWN = 30
HIDDEN = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "sid", "jti", "uti", "rh", "aio", "xms_tdbr"})
"""Claims that bind a token to one sign-in: they are of no use to a reader, and somebody might send a picture."""
_INSTANTS = frozenset({"exp", "iat", "nbf", "auth_time"})
_ABOUT = {
    "iss": "who made it",
    "aud": "for which application",
    "azp": "who asked for it",
    "exp": "until when it is good",
    "iat": "when it was made",
    "nbf": "from when it is good",
    "auth_time": "when the person signed in there",
    "sub": "who it is, at this provider",
    "oid": "who it is, in this tenant",
    "tid": "the tenant",
    "email": "the address of a new person",
    "email_verified": "whether the provider vouches for the address",
    "xms_edov": "whether the tenant owns the domain of the address",
    "preferred_username": "the address, when there is no email",
    "name": "the name of a new person",
    "amr": "how the person signed in there",
    "nonce": "binds it to this sign-in",
    "hd": "the Google Workspace domain",
    "_claim_names": "what was too long to be sent",
    "hasgroups": "there are too many groups to be sent",
}


class ClaimShown(msgspec.Struct, frozen=True):
    """One member of the ID token, as it may be shown."""

    name: str
    value: str
    about: str
    """What it is for; empty for those that mean nothing here."""
    counts: bool
    """Whether the mapping looks at it."""


class TeamShown(msgspec.Struct, frozen=True):
    """A team that the mapping names."""

    slug: str
    role: Role | None
    """None: the person would leave it, or not join."""
    exists: bool


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What would have come of a sign-in."""

    well: bool
    outcome: str
    """In a sentence: who it would be, or why it would be refused."""
    role: Role | None = None
    teams: list[TeamShown] = []
    because: tuple[str, ...] = ()
    person: Person | None = None
    claims: list[ClaimShown] = []


async def explain(reader: Reader, sso: SingleSignOn, finished: Finished) -> Explanation:
    """What would have come of it, and why; nothing is changed."""
    if finished.problem:
        return Explanation(well=False, outcome=finished.problem)
    shown = [_shown(name, value, sso) for name, value in finished.claims.items()]
    grant = sso.grant(finished.claims)
    try:
        person = sso.person(finished.claims)
    except OpenAlertError as error:
        return Explanation(well=False, outcome=error.message, because=grant.because, claims=shown)
    user = await _who(reader, person)
    well, outcome, role = await _outcome(reader, sso, person, user, grant)
    return Explanation(
        well=well,
        outcome=outcome,
        role=role,
        teams=await _teams(reader, sso, user, grant) if well else [],
        because=grant.because,
        person=person,
        claims=shown,
    )


async def _who(reader: Reader, person: Person) -> User | None:
    known = await storage.identity(reader, person)
    return await users.get(reader, SYSTEM, known.user_id) if known is not None else None


async def _outcome(
    reader: Reader, sso: SingleSignOn, person: Person, user: User | None, grant: Grant
) -> tuple[bool, str, Role | None]:
    """(whether they would come in, in a sentence how, with which role)."""
    mapped = bool(sso.rules.organization_roles)
    if user is not None:
        if not user.is_active:
            return False, f"This is {user.name}, who is switched off here.", None
        if mapped and grant.role is None:
            return False, f"This is {user.name}, to whom the mapping gives no role.", None
        role = grant.role if mapped else user.role
        kept = "" if mapped else " Without organization_roles people keep the role that they have here."
        return True, f"This would sign {user.name} in.{kept}", role
    if not person.email:
        return False, "Nobody is connected to this account, and it has no e-mail address to begin with.", None
    namesake = await users.by_email_key(reader, email_key(person.email))
    if namesake is not None:
        words = f"Nobody is connected to this account, and {namesake.name} has its address. It would be refused until "
        return (
            False,
            words + f"{namesake.name} connects it on their own page, or tries it and an admin agrees.",
            None,
        )
    if person.email_is_verified is False:
        return False, "Nobody is connected to this account, and its address is not verified there.", None
    if grant.role is None:
        return False, "Nobody is connected to this account, and nothing in it gives a role.", None
    return True, f"This would make a new person: {person.name or person.email}.", grant.role


async def _teams(reader: Reader, sso: SingleSignOn, user: User | None, grant: Grant) -> list[TeamShown]:
    home = await organizations.first(reader)
    organization_id = user.organization_id if user is not None else home.id if home is not None else ""
    slugs = managed_teams(sso.rules)
    known = await teams.by_slugs(reader, organization_id, slugs)
    return [TeamShown(slug, grant.teams.get(slug), slug in known) for slug in sorted(slugs)]


def _shown(name: str, value: Any, sso: SingleSignOn) -> ClaimShown:
    counts = any(name == each or each.startswith(f"{name}.") for each in sso.rules.role_claims)
    about = "looked at for roles" if counts else _ABOUT.get(name, "")
    text = "(not shown)" if name in HIDDEN else _text(value)
    if name in _INSTANTS and isinstance(value, int) and 0 < value < 10**11:
        text = f"{to_datetime(value * SECOND):%Y-%m-%d %H:%M:%S} UTC"
    return ClaimShown(name[:80], text, about, counts)


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) > MOST_SHOWN:
        return f"{_text(value[:MOST_SHOWN])} and {len(value) - MOST_SHOWN} more"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_SHOWN or isinstance(value, list) else text[:LONGEST_SHOWN] + "…"
