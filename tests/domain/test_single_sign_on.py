"""Who a token is about, and what its claims give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.access import Role
from openalert.domain.errors import Unauthenticated
from openalert.domain.single_sign_on import (
    GOOGLE,
    check_domain,
    granted,
    is_entra,
    is_issuer,
    is_trustworthy_url,
    person_of,
    serves_many_tenants,
)

TENANT = "7f3a8f52-1111-4222-8333-444455556666"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
MANY = "https://login.microsoftonline.com/organizations/v2.0"
KEYCLOAK = "https://id.example.com/realms/acme"
ORGANIZATION = {"a": Role.ADMIN, "m": Role.MEMBER, "o": Role.OWNER}
TEAMS = {"a": {"core": Role.ADMIN}, "m": {"core": Role.MEMBER, "web": Role.VIEWER}}


def grant(claims: dict[str, Any], *role_claims: str, default: Role | None = None) -> Any:
    """What the mapping above gives."""
    return granted(
        claims,
        role_claims=role_claims or ("roles", "groups"),
        organization_roles=ORGANIZATION,
        team_roles=TEAMS,
        default_role=default,
    )


@pytest.mark.parametrize(
    ("issuer", "entra", "many"),
    [
        (ENTRA, True, False),
        (MANY, True, True),
        ("https://login.microsoftonline.com/common/v2.0", True, True),
        ("https://login.microsoftonline.us/consumers/v2.0/", True, True),
        (KEYCLOAK, False, False),
        ("https://common.example.com/v2.0", False, False),
        (GOOGLE, False, False),
    ],
)
def test_authorities_of_many_tenants_are_known_by_their_issuer(issuer: str, entra: bool, many: bool) -> None:
    """So that a list of tenants can be asked for before anybody signs in."""
    assert (is_entra(issuer), serves_many_tenants(issuer)) == (entra, many)


def test_a_provider_is_who_it_calls_itself_to_the_letter() -> None:
    """Only Entra's authorities of many tenants describe themselves by a template."""
    assert is_issuer(KEYCLOAK, KEYCLOAK)
    assert not is_issuer(KEYCLOAK + "/", KEYCLOAK)
    assert is_issuer("https://login.microsoftonline.com/{tenantid}/v2.0", MANY)
    assert not is_issuer("https://login.microsoftonline.com/{tenantid}/v2.0", ENTRA)
    assert not is_issuer("https://evil.example/{tenantid}/v2.0", MANY)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://id.example.com", True),
        ("http://localhost:8080/realms/x", True),
        ("http://127.0.0.1", True),
        ("http://id.example.com", False),
        ("http://localhost.evil.example", False),
        ("https://", False),
        ("https://[", False),
        ("ftp://localhost", False),
        ("javascript:alert(1)", False),
    ],
)
def test_only_what_cannot_be_changed_on_the_way_is_trusted(url: str, trusted: bool) -> None:
    """https, or this very machine."""
    assert is_trustworthy_url(url) is trusted


def test_entra_people_are_known_by_tenant_and_object() -> None:
    """`sub` differs by application, `oid` does not; the tenant's case does not matter, that of `oid` does."""
    claims = {
        "iss": ENTRA,
        "tid": TENANT.upper(),
        "oid": "Oid",
        "sub": "pairwise",
        "preferred_username": "d@e.org",
    }
    person = person_of(claims, ENTRA, ())
    assert (person.issuer, person.tenant, person.subject, person.email) == (ENTRA, TENANT, "Oid", "d@e.org")
    for missing in ("tid", "oid"):
        with pytest.raises(Unauthenticated):
            person_of({name: claims[name] for name in claims if name != missing}, ENTRA, ())


def test_a_claim_of_entra_means_nothing_elsewhere() -> None:
    """At another provider people may choose such claims themselves."""
    person = person_of({"iss": KEYCLOAK, "sub": "me", "tid": TENANT, "oid": "you"}, KEYCLOAK, ())
    assert (person.tenant, person.subject) == ("", "me")
    with pytest.raises(Unauthenticated):
        person_of({"iss": KEYCLOAK, "sub": "me", "tid": TENANT}, KEYCLOAK, (TENANT,))


@pytest.mark.parametrize(
    ("claims", "allowed"),
    [
        ({"email": "d@example.com", "hd": "example.com", "email_verified": True}, True),
        ({"email": "d@example.com", "email_verified": True}, False),
        ({"email": "d@example.com", "hd": "evil.example", "email_verified": True}, False),
        ({"email": "d@evil.example", "hd": "example.com", "email_verified": True}, False),
        ({"email": "d@example.com", "hd": "example.com", "email_verified": False}, False),
        ({"email": "d@example.com.evil.example", "hd": "example.com"}, False),
        ({"hd": "example.com"}, False),
    ],
)
def test_google_vouches_for_the_domain(claims: dict[str, Any], allowed: bool) -> None:
    """Anybody can have a Google account with any address; only `hd` says that the domain's owner gave it."""
    person = person_of({"iss": GOOGLE, "sub": "1", **claims}, GOOGLE, ())
    if allowed:
        check_domain(person, claims, GOOGLE, ("example.com",))
        return
    with pytest.raises(Unauthenticated):
        check_domain(person, claims, GOOGLE, ("example.com",))


def test_the_highest_of_each_counts_and_says_why() -> None:
    """Over all claims; teams apart from the organization."""
    found = grant({"roles": ["m"], "groups": ["a", "m", "unknown"]})
    assert (found.role, found.teams) == (Role.ADMIN, {"core": Role.ADMIN, "web": Role.VIEWER})
    assert "groups holds 'a': admin of the organization." in found.because
    assert not any("unknown" in words for words in found.because)


def test_a_name_with_dots_is_a_path_where_nothing_has_that_name() -> None:
    """Keycloak nests its roles, Auth0 has names like addresses."""
    assert grant({"realm_access": {"roles": ["a"]}}, "realm_access.roles").role is Role.ADMIN
    assert grant({"https://x.example/roles": ["m"]}, "https://x.example/roles").role is Role.MEMBER
    assert grant({"realm_access": ["a"]}, "realm_access.roles").role is None


def test_nothing_gives_the_default_and_no_more() -> None:
    """Whatever the default is."""
    for default in (None, Role.VIEWER, Role.MEMBER):
        assert grant({"groups": ["x"]}, default=default).role is default


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    )
)
def test_no_shape_of_a_claim_breaks_it_or_gives_what_is_not_mapped(value: Any) -> None:
    """Anything may be sent; only texts equal to a mapped value count."""
    found = grant({"groups": value, "_claim_names": value, "hasgroups": value, "roles": {"groups": value}})
    texts = {each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)}
    assert found.role in {ORGANIZATION[each] for each in texts & set(ORGANIZATION)} | {None}
    person_of({"iss": KEYCLOAK, "sub": "x", "email": value, "name": value, "given_name": value}, KEYCLOAK, ())
