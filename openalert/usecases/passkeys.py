"""Passkeys (WebAuthn level 2): instead of a password, or after it.

What is to be signed is made here, kept here and used once; the host and the origin that count are those of the
configured address, whatever a request says. Passkeys need that address to be https, or localhost, and no bare number.
"""

import asyncio
import base64
import importlib
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.errors import Conflict, Invalid, NotFound, Unauthenticated
from openalert.domain.ids import new_id
from openalert.domain.instant import MINUTE
from openalert.domain.second_factor import Challenge, Passkey
from openalert.domain.user import SignInMethod, User
from openalert.storage import credentials, passkeys, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import failures, second_factors, signin, throttle
from openalert.usecases.signin import Browser, Opened, token_hash

CHALLENGE_LASTS = 5 * MINUTE
MOST_PASSKEYS = 10
_REFUSED = "That passkey does not open anything here."


class Site(msgspec.Struct, frozen=True):
    """What a passkey is bound to."""

    host: str
    origin: str


def site_of(base_url: str) -> Site | None:
    """The site of this address; None when browsers let no passkey be used there."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        usable = parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
        return Site(host, f"{parts.scheme}://{parts.netloc}") if host and usable else None
    return None


async def _library() -> Any:
    """The library, which takes half a second to load, without holding anybody else up."""
    return await asyncio.to_thread(importlib.import_module, "webauthn")


async def registration_options(db: Database, site: Site, user: User) -> dict[str, Any]:
    """What the browser hands to the device that is to make a passkey."""
    webauthn = await _library()
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    async with db.transaction() as tx:
        known = await passkeys.of_user(tx, user.id)
        if len(known) >= MOST_PASSKEYS:
            raise Conflict(f"You have {MOST_PASSKEYS} passkeys; remove one first.")
        options = webauthn.generate_registration_options(
            rp_id=site.host,
            rp_name="OpenAlert",
            user_id=user.id.encode(),
            user_name=user.email,
            user_display_name=user.name,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=_bytes(each.credential_id)) for each in known
            ],
        )
        await _keep(tx, options.challenge, "register", user.id)
    return _json(webauthn, options)


async def register(
    db: Database,
    actor: Actor,
    site: Site,
    user: User,
    *,
    name: str,
    credential: dict[str, Any],
    step_token: str = "",
) -> Passkey:
    """The passkey that a device made for what we asked of it; Invalid for anything else.

    With a step it is of a person who has to set up a second factor, and still has none.
    """
    webauthn = await _library()
    challenge = await _take(db, credential, "register", user.id)
    async with db.transaction(actor) as tx:
        if step_token:
            await second_factors.enrolling(tx, step_token)
        try:
            made = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except _faults() as error:
            raise Invalid("The device's answer is not what we asked it for. Try again.") from error
        passkey = Passkey(
            id=new_id(tx.now),
            user_id=user.id,
            credential_id=_text(made.credential_id),
            public_key=_text(made.credential_public_key),
            sign_count=made.sign_count,
            name=name.strip()[:60] or "Passkey",
            created_at=tx.now,
        )
        if not await passkeys.insert(tx, passkey):
            raise Conflict("This passkey is known already.")
        second_factors.note(tx, "passkey.added", user, passkey=passkey.name)
    return passkey


async def sign_in_options(db: Database, site: Site, browser: Browser, step_token: str) -> dict[str, Any]:
    """What the browser hands to the device that is to sign: any passkey, or those of whoever is half signed in."""
    webauthn = await _library()
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

    async with db.transaction() as tx:
        await throttle.spend(tx, "passkey", browser.address)
        user = (await second_factors.step_of(tx, step_token))[1] if step_token else None
        known = await passkeys.of_user(tx, user.id) if user else []
        options = webauthn.generate_authentication_options(
            rp_id=site.host,
            user_verification=UserVerificationRequirement.REQUIRED,
            allow_credentials=[
                PublicKeyCredentialDescriptor(id=_bytes(each.credential_id)) for each in known
            ],
        )
        await _keep(tx, options.challenge, "sign_in", user.id if user else None)
    return _json(webauthn, options)


async def sign_in(
    db: Database, site: Site, browser: Browser, *, credential: dict[str, Any], step_token: str
) -> Opened:
    """A session for whoever's passkey signed what we asked; with a step, only for the person of that step."""
    webauthn = await _library()
    async with db.read() as reader:
        expected = (await second_factors.step_of(reader, step_token))[1] if step_token else None
    challenge = await _take(db, credential, "sign_in", expected.id if expected else None)
    async with db.transaction() as tx:
        passkey = await passkeys.by_credential(tx, str(credential.get("id", ""))[:1500])
        user = await users.get(tx, SYSTEM, passkey.user_id) if passkey else None
        right = passkey and user and user.is_active and (expected is None or expected.id == user.id)
        if passkey is not None and user is not None and right:
            count = _verified(webauthn, site, passkey, credential, challenge)
            if count is not None and (
                not step_token or await credentials.finish_step(tx, token_hash(step_token))
            ):
                await passkeys.used(tx, passkey.id, count)
                method = SignInMethod.PASSWORD_PASSKEY if step_token else SignInMethod.PASSKEY
                return await signin.enter(tx, user, browser, method)
    await failures.record_failure(db, user.email_key if user else "", user, browser.stranger)
    raise Unauthenticated(_REFUSED)


def _verified(
    webauthn: Any, site: Site, passkey: Passkey, credential: dict[str, Any], challenge: bytes
) -> int | None:
    """How often the passkey says it has signed, if this is its signature of what we asked; else None."""
    try:
        signed = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _faults():
        return None
    return int(signed.new_sign_count)


async def remove(
    db: Database, actor: Actor, passkey_id: str, password: str, *, keep_session: str = ""
) -> None:
    """Remove one's own passkey, with the password again; sessions by passkey end, all but `keep_session` (its hash)."""
    async with db.read() as reader:
        own = await passkeys.of_user(reader, actor.user_id or "")
    known = next((each for each in own if each.id == passkey_id), None)
    if known is None:
        raise NotFound("passkey")
    user = await second_factors.proven(db, actor, password)
    async with db.transaction(actor) as tx:
        if not await passkeys.delete(tx, user.id, passkey_id):
            raise NotFound("passkey")
        await second_factors.keep_what_is_needed(tx, user)
        by_passkey = (SignInMethod.PASSKEY, SignInMethod.PASSWORD_PASSKEY)
        await credentials.delete_sessions_by(tx, user.id, by_passkey, but=keep_session)
        second_factors.note(tx, "passkey.removed", user, passkey=known.name)


async def of(reader: Reader, user_id: str) -> list[Passkey]:
    """The person's passkeys."""
    return await passkeys.of_user(reader, user_id)


async def _keep(tx: Transaction, challenge: bytes, purpose: str, user_id: str | None) -> None:
    kept = Challenge(
        challenge=_text(challenge), purpose=purpose, user_id=user_id, expires_at=tx.now + CHALLENGE_LASTS
    )
    await passkeys.insert_challenge(tx, kept)


async def _take(db: Database, credential: dict[str, Any], purpose: str, user_id: str | None) -> bytes:
    """What we asked to be signed, as the answer names it: ours, for this purpose and person. It is used up now."""
    try:
        said = msgspec.json.decode(_bytes(credential["response"]["clientDataJSON"]))
        named = str(said["challenge"])[:200]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Invalid("That is not the answer of a passkey.") from None
    async with db.transaction() as tx:
        kept = await passkeys.take_challenge(tx, named, purpose)
    if kept is None or kept.user_id != user_id:
        raise Unauthenticated(
            "That took too long, or was asked for elsewhere. Try again.", code="SIGN_IN_OVER"
        )
    return _bytes(kept.challenge)


def _faults() -> tuple[type[Exception], ...]:
    """What the library raises for an answer that is not right, however it is not."""
    from webauthn.helpers.exceptions import WebAuthnException

    return (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, IndexError)


def _json(webauthn: Any, options: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(webauthn.options_to_json(options))
    return decoded


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
