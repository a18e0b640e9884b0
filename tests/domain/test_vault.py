"""The vault: what it seals opens with its key at its place, and in no other way."""

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.vault import Unreadable, Vault, derive, key_id

OLD, NEW = "an old key of the tests, long enough", "a new key of the tests, long enough"
PLACE = "channels:0192:sealed"


@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_again(plain: bytes) -> None:
    """Any bytes, also none; sealed twice they look different, and never like themselves."""
    vault = Vault([NEW])
    one, other = vault.seal(plain, PLACE), vault.seal(plain, PLACE)
    assert vault.open(one, PLACE) == vault.open(other, PLACE) == plain
    assert one != other
    assert vault.active == key_id(NEW)
    assert f".{vault.active}." in one


@pytest.mark.parametrize("place", ["channels:0193:sealed", "totp:0192:sealed", "channels:0192:other", ""])
def test_a_sealed_text_opens_only_at_its_place(place: str) -> None:
    """Moved to another row, table or column it opens nothing."""
    sealed = Vault([NEW]).seal(b"secret", PLACE)
    with pytest.raises(Unreadable):
        Vault([NEW]).open(sealed, place)


def test_older_keys_still_open_and_the_first_seals() -> None:
    """While keys change both are in use; without its key a text stays shut."""
    old = Vault([OLD]).seal(b"secret", PLACE)
    both = Vault([NEW, OLD])
    assert both.open(old, PLACE) == b"secret"
    assert f".{key_id(NEW)}." in both.seal(b"secret", PLACE)
    assert both.known == {key_id(OLD), key_id(NEW)}
    with pytest.raises(Unreadable, match="not here"):
        Vault([NEW]).open(old, PLACE)


def test_every_changed_character_is_noticed() -> None:
    """Whichever character of the text is another one, it does not open."""
    sealed = Vault([NEW]).seal(b"secret", PLACE)
    for position, character in enumerate(sealed):
        changed = sealed[:position] + ("A" if character != "A" else "B") + sealed[position + 1 :]
        with pytest.raises(Unreadable):
            Vault([NEW]).open(changed, PLACE)


@pytest.mark.parametrize("text", ["", "v1", "v1..", "plain", "v2.00000000.AAAA", f"v1.{key_id(NEW)}.é"])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    """Nor does it break in another way, and the refusal says nothing of the text beyond its key."""
    with pytest.raises(Unreadable):
        Vault([NEW]).open(text, PLACE)


def test_a_key_is_derived_as_the_standard_says() -> None:
    """Equal to HKDF of another hand, and another purpose gives another key."""
    expected = HKDF(SHA256(), 32, salt=None, info=b"openalert vault").derive(NEW.encode())
    assert derive(NEW, b"openalert vault") == expected
    assert derive(NEW, b"openalert vault key id") != expected


@pytest.mark.parametrize("keys", [[], [""], ["short"], [NEW, "short"]])
def test_a_weak_key_is_refused(keys: list[str]) -> None:
    """No vault without a key that cannot be guessed."""
    with pytest.raises(ValueError, match="32 characters"):
        Vault(keys)
