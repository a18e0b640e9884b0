"""Single sign-on: who somebody is at an identity provider, and what its word gives them here.

An identity is (issuer, tenant, subject) and never an e-mail address, which its owner or an administrator can change.
Sources: OpenID Connect Core 1.0, and Microsoft's reference of Entra's ID tokens (`tid`, `oid`, group overage).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain.access import Role
from openalert.domain.errors import Invalid, Unauthenticated
from openalert.domain.instant import DAY, MINUTE, Instant
from openalert.domain.user import check_email

GOOGLE = "https://accounts.google.com"
ATTEMPT_LASTS: Instant = 10 * MINUTE
"""From the button to the way back."""
LINK_REQUEST_LASTS: Instant = 14 * DAY
MOST_VALUES = 1_000
_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MANY_TENANTS = ("common", "organizations", "consumers")


class Identity(msgspec.Struct, kw_only=True):
    """Who somebody is at a provider, and who that is here; a row of `identities`."""

    id: str
    user_id: str
    issuer: str
    tenant: str
    """Entra's tenant id; empty where an issuer is one tenant."""
    subject: str
    """Entra's `oid`, else `sub`."""
    email: str
    """What the provider said last: for people to recognize, never to be found by."""
    created_at: Instant
    last_used_at: Instant


class Attempt(msgspec.Struct, kw_only=True):
    """A sign-in on its way through the provider; a row of `single_sign_on_attempts`. It opens nothing by itself."""

    state_hash: str
    browser_hash: str
    """SHA-256 of the cookie of the browser that began it; nonce and PKCE verifier are derived from that cookie."""
    purpose: str
    """`sign_in`, `connect` (to whoever is signed in) or `explain` (say what would happen, do nothing)."""
    user_id: str | None
    """Who was signed in, for `connect` and `explain`."""
    target: str
    """The path of ours to go to afterwards."""
    expires_at: Instant


class LinkRequest(msgspec.Struct, kw_only=True):
    """An unknown identity that came with a known address and waits for an admin; a row of `link_requests`."""

    id: str
    user_id: str
    issuer: str
    tenant: str
    subject: str
    email: str
    name: str
    created_at: Instant


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What an ID token says about whoever signed in, after it was verified."""

    issuer: str
    tenant: str
    subject: str
    email: str
    """Empty when the provider sent none that can be one."""
    email_is_verified: bool | None
    """None: the provider does not say."""
    name: str


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a mapping gives, and why."""

    role: Role | None
    """None: the person is not let in."""
    teams: dict[str, Role]
    """Slug to role, for the teams that the mapping gives."""
    because: tuple[str, ...]
    """A sentence for each value that counted, and for what stood in its way."""


def serves_many_tenants(issuer: str) -> bool:
    """Whether this is an Entra authority of more than one tenant, so that who signed in is not yet one of us."""
    path = _segments(issuer)
    return is_entra(issuer) and path[0] in _MANY_TENANTS


def is_entra(issuer: str) -> bool:
    """Whether the issuer is written as those of Microsoft Entra ID are: `https://…/<tenant>/v2.0`."""
    path = _segments(issuer)
    return len(path) == 2 and path[1] == "v2.0"


def is_trustworthy_url(url: str) -> bool:
    """Whether what is said there cannot be changed on the way: https, or this very machine."""
    try:
        parts = urlsplit(url)
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))
    except ValueError:
        return False


def is_issuer(claimed: str, configured: str) -> bool:
    """Whether a provider that calls itself `claimed` is the configured one; Entra writes `{tenantid}` for "any"."""
    if serves_many_tenants(configured):
        return claimed in (configured, issuer_of_tenant(configured, "{tenantid}"))
    return claimed == configured


def issuer_of_tenant(issuer: str, tenant: str) -> str:
    """The issuer of one tenant, from an authority that serves many."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}/{tenant}/v2.0"


def refused(why: str) -> Unauthenticated:
    """An ID token that is not believed; `why` ends the sentence."""
    return Unauthenticated(
        f"The answer of the identity provider is not accepted: {why}", code="ID_TOKEN_REFUSED"
    )


def person_of(claims: Mapping[str, Any], issuer: str, allowed_tenants: tuple[str, ...]) -> Person:
    """Whom the verified claims are about; Unauthenticated for another issuer or tenant, and for nobody."""
    tenant = ""
    expected = issuer
    if is_entra(issuer):
        tenant = _text(claims, "tid").casefold()
        if not _TENANT.fullmatch(tenant):
            raise refused("it does not name a tenant (tid).")
        if serves_many_tenants(issuer):
            expected = issuer_of_tenant(issuer, tenant)
    if claims.get("iss") != expected:
        raise refused(f"it was issued by {_shown(claims.get('iss'))}, and {expected} is configured.")
    if (allowed_tenants or serves_many_tenants(issuer)) and tenant not in {
        each.casefold() for each in allowed_tenants
    }:
        raise refused(f"the tenant {tenant or '(none)'} is not one of auth.oidc.allowed_tenants.")
    subject = _text(claims, "oid" if tenant else "sub")
    if not 1 <= len(subject) <= 255:
        raise refused(f"it does not say who signed in ({'oid' if tenant else 'sub'}).")
    email = _email(claims)
    return Person(
        issuer=expected,
        tenant=tenant,
        subject=subject,
        email=email,
        email_is_verified=_is_verified(claims),
        name=_name(claims) or email.partition("@")[0],
    )


def check_domain(person: Person, claims: Mapping[str, Any], issuer: str, allowed: tuple[str, ...]) -> None:
    """Pass when the person's address lies in a domain that may come in; Unauthenticated otherwise."""
    if not allowed:
        return
    domains = {each.casefold().removeprefix("@") for each in allowed}
    domain = person.email.rpartition("@")[2].casefold()
    # Anybody can have a Google account with any address; `hd` is Google's word that the domain's owner gave it.
    hosted = issuer.rstrip("/") != GOOGLE or _text(claims, "hd").casefold() in domains
    if domain not in domains or person.email_is_verified is False or not hosted:
        raise refused(
            f"the address {person.email or '(none)'} is not one of the domains in auth.oidc.allowed_domains."
        )


def granted(
    claims: Mapping[str, Any],
    *,
    role_claims: tuple[str, ...],
    organization_roles: Mapping[str, Role],
    team_roles: Mapping[str, Mapping[str, Role]],
    default_role: Role | None,
) -> Grant:
    """The roles that these claims give: the highest of each, and of the organization else the default."""
    role: Role | None = None
    teams: dict[str, Role] = {}
    because: list[str] = []
    for claim in role_claims:
        if is_overage(claims, claim):
            because.append(
                f"{claim}: too many to be sent (the provider wrote a link instead), so none of them counts. "
                "Use app roles, or send only the groups assigned to the application."
            )
            continue
        for value in _values(claims, claim):
            if value in organization_roles:
                role = _higher(role, organization_roles[value])
                because.append(f"{claim} holds {value!r}: {organization_roles[value]} of the organization.")
            for slug, given in team_roles.get(value, {}).items():
                teams[slug] = _higher(teams.get(slug), given)
                because.append(f"{claim} holds {value!r}: {given} of the team {slug}.")
    if role is None:
        role = default_role
        because.append(
            f"No value gives a role in the organization, so it is the default: {default_role or 'none'}."
        )
    return Grant(role=role, teams=teams, because=tuple(because))


def is_overage(claims: Mapping[str, Any], claim: str) -> bool:
    """Whether the provider left the claim out because it would be too long, and sent a link to it (`_claim_names`)."""
    names = claims.get("_claim_names")
    linked = isinstance(names, dict) and claim in names
    return linked or (claim == "groups" and claims.get("hasgroups") in (True, "true"))


def _values(claims: Mapping[str, Any], claim: str) -> Iterator[str]:
    """The texts in a claim; a name with dots that nothing bears is a path (Keycloak's realm_access.roles)."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    listed = found if isinstance(found, list) else [found]
    for value in listed[:MOST_VALUES]:
        if isinstance(value, str):
            yield value


def _higher(one: Role | None, other: Role) -> Role:
    return other if one is None or other.rank > one.rank else one


def _email(claims: Mapping[str, Any]) -> str:
    for name in ("email", "preferred_username", "upn"):
        try:
            return check_email(_text(claims, name))
        except Invalid:
            continue
    return ""


def _is_verified(claims: Mapping[str, Any]) -> bool | None:
    """`email_verified`, or Entra's `xms_edov`: the owner of the domain is the tenant."""
    for name in ("email_verified", "xms_edov"):
        said = claims.get(name)
        if said is not None and "email" in claims:
            return said in (True, "true", "1")
    return None


def _name(claims: Mapping[str, Any]) -> str:
    whole = _text(claims, "name") or f"{_text(claims, 'given_name')} {_text(claims, 'family_name')}"
    return " ".join("".join(sign if sign.isprintable() else " " for sign in whole).split())[:120]


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else "nobody"
    return "".join(sign for sign in text if sign.isprintable())[:200]


def _segments(issuer: str) -> list[str]:
    return urlsplit(issuer).path.strip("/").casefold().split("/")
