"""The audit log's rules: what is hashed, what is kept of a change, and what never is."""

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.audit import (
    CHANGED,
    GENESIS,
    LONGEST_SIDE,
    AuditEntry,
    Head,
    broken_link,
    canonical,
    differences,
    digest,
    fit,
    link,
)
from openalert.domain.escalation import Level, Target, TargetType
from openalert.domain.service import Service
from openalert.domain.user import User

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def entry(**changes: object) -> AuditEntry:
    """An entry with something in every member."""
    made = AuditEntry(
        at=1_767_225_600_000,
        organization_id="o",
        team_id=None,
        actor_kind="user",
        actor_id="u",
        actor_name="Zoë",
        address="192.0.2.1",
        request_id="r1",
        act="service.updated",
        target_kind="service",
        target_id="s",
        target_name="Check\nout",
        before='{"name":"A"}',
        after='{"name":"B"}',
    )
    return msgspec.structs.replace(made, **changes)


@given(TEXT, TEXT)
def test_the_canonical_form_is_the_documented_line_of_python(name: str, after: str) -> None:
    """An auditor can compute every hash with the standard library alone, whatever the texts hold."""
    made = entry(actor_name=name, after=after, previous_hash=GENESIS)
    values = ["openalert-audit-1", *msgspec.structs.astuple(made)[:-1]]
    expected = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    assert canonical(made) == expected
    assert digest(made) == hashlib.sha256(expected).hexdigest()


def test_the_hash_of_an_entry_is_what_it_was_when_the_format_was_made() -> None:
    """A release that hashes differently would call every older chain broken: this value is pinned."""
    made = entry()
    link([made], Head())
    assert made.hash == "358930e964722b1e4bc49c30d7cd53d74b447e24fefb431eb51f45a5f3dd5cf2"


def test_entries_are_numbered_and_linked_behind_the_head() -> None:
    """Each names the hash before it; the head is that of the last."""
    entries = [entry(), entry(act="service.deleted")]
    head = link(entries, Head(7, "f" * 64))
    assert [(each.seq, each.previous_hash) for each in entries] == [(8, "f" * 64), (9, entries[0].hash)]
    assert head == Head(9, entries[1].hash)


@pytest.mark.parametrize("name", AuditEntry.__struct_fields__)
def test_a_change_of_any_member_breaks_the_link(name: str) -> None:
    """No member can be altered without its hash showing it."""
    made = entry()
    link([made], Head())
    assert broken_link(made, Head()) is None
    value = getattr(made, name)
    changed = value + 1 if isinstance(value, int) else f"{value}x"
    assert broken_link(msgspec.structs.replace(made, **{name: changed}), Head()) is not None


def service(**changes: object) -> Service:
    """A service."""
    made = Service(
        id="s", organization_id="o", team_id="t", name="Checkout", slug="checkout", created_at=1, updated_at=1
    )
    return msgspec.structs.replace(made, **changes)


def test_only_what_changed_is_kept() -> None:
    """Members that stayed, and the time of the change itself, say nothing."""
    assert differences(service(), service(name="Basket", updated_at=9)) == (
        '{"name":"Checkout"}',
        '{"name":"Basket"}',
    )
    assert differences(service(), service(updated_at=9)) == ("{}", "{}")
    assert differences(service(), service(escalation_policy_id="p")) == (
        '{"escalationPolicyId":null}',
        '{"escalationPolicyId":"p"}',
    )


def test_what_is_made_or_deleted_is_told_whole_but_for_what_is_empty() -> None:
    """One side is empty, the other has every member that says something."""
    made = '{"teamId":"t","name":"Checkout","slug":"checkout"}'
    assert differences(None, service()) == ("{}", made)
    assert differences(service(), None) == (made, "{}")


def test_secrets_are_never_kept_however_deep_they_lie() -> None:
    """Neither a hash nor a code nor a nested secret; that one changed is said without its value."""
    user = User(
        id="u", organization_id="o", email="a@b", email_key="a@b", name="A", role="owner",
        password_hash="CANARY1", created_at=1, updated_at=1,
    )  # fmt: skip
    other = msgspec.structs.replace(user, password_hash="CANARY2")
    assert differences(user, other) == ("{}", f'{{"passwordHash":"{CHANGED}"}}')
    deep = {
        "config": {"url": "https://x", "secret": "CANARY", "auth": [{"api_token": "CANARY"}]},
        "headers": {"x": "CANARY"},
        "recovery_codes": ["CANARY"],
    }
    before, after = differences(deep, {**deep, "config": {"url": "https://x", "secret": "CANARY2"}})
    assert "CANARY" not in before + after
    assert "CANARY" not in "".join(differences(None, deep) + differences(deep, None))


def test_of_a_webhook_only_the_host_is_kept() -> None:
    """Its path is often all the secret that it has; that it changed is said all the same."""
    address = "https://u:CANARY@hooks.example:8443/"
    one, two = ({"config": {"url": f"{address}{path}?t=CANARY"}} for path in ("a/CANARY", "b"))
    assert differences(None, one) == ("{}", '{"config":{"url":"https://hooks.example:8443/…"}}')
    assert differences(one, two) == ("{}", f'{{"config":"{CHANGED}"}}')
    for odd in ("", "https://[", "x", "https://h:99999/"):
        assert "config" in differences(None, {"config": {"url": odd}})[1]


def test_durations_and_instants_are_told_as_the_api_tells_them() -> None:
    """Minutes carry their unit, instants are RFC 3339."""
    level = Level(level=1, delay=90_000, targets=(Target(type=TargetType.USER, id="u"),))
    _, after = differences(None, {"levels": (level,), "start_at": 0, "until": 1_000})
    assert json.loads(after) == {
        "levels": [
            {"level": 1, "delayMinutes": 1.5, "targets": [{"type": "user", "id": "u", "turn": "now"}]}
        ],
        "startAt": "1970-01-01T00:00:00.000Z",
        "until": "1970-01-01T00:00:01.000Z",
    }


@given(
    st.recursive(
        TEXT | st.integers() | st.none(), lambda inner: st.dictionaries(TEXT, inner) | st.lists(inner)
    )
)
def test_any_value_is_kept_as_bounded_json(value: object) -> None:
    """Whatever a member holds, both sides are JSON objects of bounded length."""
    for side in differences({"x": 0}, {"x": value, "y": [value] * 150}):
        assert isinstance(json.loads(side), dict)
        assert len(side) <= LONGEST_SIDE + 1_000


def test_texts_are_cut_to_what_every_database_takes() -> None:
    """No NUL, no lone surrogate, no mountain."""
    assert fit("a\0b\ud800c" + "x" * 999, 5) == "ab?cx"
