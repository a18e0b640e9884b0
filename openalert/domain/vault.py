"""Vault: secrets that must be read again (signing secrets, second factors) are sealed before they are stored.

AES-256-GCM. The text names its form and its key, `v1.<key id>.<base64url of nonce and ciphertext>`, and is bound
to the place where it is stored, `table:row id:column`, so that a sealed text moved to another row opens nothing.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

from openalert.domain.errors import OpenAlertError

FORM = "v1"
SHORTEST_KEY = 32
"""Characters of a key text; those that we make have 43, which are 256 random bits."""
_NONCE_BYTES = 12


class Unreadable(OpenAlertError):
    """A sealed text that was made with a key we do not have, for another place, or that was changed."""


class Vault:
    """Seals with one key, opens with any of several: while keys change, both are in use."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are secret texts, the one that seals first; each is only ever used through HKDF."""
        if not keys or min(map(len, keys)) < SHORTEST_KEY:
            raise ValueError(f"a vault needs keys of at least {SHORTEST_KEY} characters")
        self._keys = {key_id(key): derive(key, b"openalert vault") for key in reversed(keys)}
        self.active = key_id(keys[0])

    @property
    def known(self) -> frozenset[str]:
        """The ids of the keys that open something."""
        return frozenset(self._keys)

    def seal(self, plain: bytes, place: str) -> str:
        """The text that only this place opens again."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(self._keys[self.active]).encrypt(nonce, plain, place.encode())
        return f"{FORM}.{self.active}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, place: str) -> bytes:
        """What was sealed for this place; `Unreadable` in every other case."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        form, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        if form != FORM or name not in self._keys:
            raise _unreadable(f"It was sealed with the key {name[:8]!r}, which is not here")
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(raw).decode() != text:  # two spellings of one text are one too many
                raise ValueError("not as it was written")  # noqa: TRY301 - refused like all the others
            return AESGCM(self._keys[name]).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode())
        except (binascii.Error, ValueError, InvalidTag):
            raise _unreadable("It is damaged, or belongs to something else") from None


def key_id(key: str) -> str:
    """Eight hexadecimal digits that name a key and tell nothing about it."""
    return derive(key, b"openalert vault key id")[:4].hex()


def derive(key: str, purpose: bytes) -> bytes:
    """32 bytes for one purpose: HKDF with SHA-256 and no salt (RFC 5869), whose single block suffices."""
    extracted = hmac.digest(bytes(32), key.encode(), hashlib.sha256)
    return hmac.digest(extracted, purpose + b"\x01", hashlib.sha256)


def _unreadable(why: str) -> Unreadable:
    return Unreadable(
        f"A stored secret cannot be read. {why}; give it anew, or put the old key back.",
        code="SECRET_UNREADABLE",
    )
