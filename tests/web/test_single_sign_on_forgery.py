"""ID tokens that somebody else made: every one is refused, without much work, and asking nobody but the provider."""

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc import jwk, jws

from openalert.app import OpenAlert
from openalert.domain.single_sign_on import person_of, refused
from openalert.notifiers import id_token
from openalert.storage import Database
from tests.conftest import StoppedClock
from tests.fakes.identity_provider import CLIENT_ID, FakeProvider, key
from tests.fakes.webhook import FakeWebhook, Fault
from tests.web.sso import Walker, asked, config

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
Forge = Callable[["Forger", Json, Json], Any]


def b64(value: Any) -> str:
    """base64url of bytes, or of the JSON of anything else."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forger:
    """What an attacker has: the provider's public key, a key of their own, and a server of their own."""

    def __init__(self, provider: FakeProvider, server: str) -> None:
        self.provider = provider
        self.server = server
        self.own = key("RSA", 666)

    @property
    def public_pem(self) -> bytes:
        """The provider's public key as text."""
        pem: bytes = self.provider.key.as_pem(private=False)
        return pem

    def by_own_key(self, header: Json, claims: Json) -> str:
        """Signed with the attacker's key."""
        from joserfc.registry import HeaderParameter

        names = {name: HeaderParameter("any", "str") for name in header if name not in ("alg", "kid", "typ")}
        registry = jws.JWSRegistry(names, algorithms=["RS256"], strict_check_header=False)
        return jws.serialize_compact(header, json.dumps(claims), self.own, registry=registry)

    def hs256(self, header: Json, claims: Json, secret: bytes) -> str:
        """Signed with a secret, as HS256 has it."""
        signed = f"{b64(header | {'alg': 'HS256'})}.{b64(claims)}"
        return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def right(forger: Forger, header: Json, claims: Json) -> str:
    """What the provider itself would sign."""
    return forger.provider.sign(header, claims)


def swap(token: str, position: int, value: Json) -> str:
    """The token with another header (0) or content (1) under the same signature."""
    parts = token.split(".")
    return ".".join([*parts[:position], b64(value), *parts[position + 1 :]])


UNFIT: dict[str, Forge] = {
    "alg none": lambda f, h, c: f"{b64({'alg': 'none'})}.{b64(c)}.",
    "alg None": lambda f, h, c: f"{b64({'alg': 'None'})}.{b64(c)}.{b64(b'x')}",
    "alg missing": lambda f, h, c: f"{b64({'kid': h['kid']})}.{b64(c)}.{b64(b'x')}",
    "alg a list": lambda f, h, c: f"{b64({'alg': ['RS256']})}.{b64(c)}.{b64(b'x')}",
    "alg RS384": lambda f, h, c: swap(right(f, h, c), 0, h | {"alg": "RS384"}),
    "HS256 with the public key": lambda f, h, c: f.hs256(h, c, f.public_pem),
    "HS256 with the trimmed public key": lambda f, h, c: f.hs256(h, c, f.public_pem.strip()),
    "HS256 with an indented public key": lambda f, h, c: f.hs256(h, c, b" \n" + f.public_pem),
    "HS256 with the empty key": lambda f, h, c: f.hs256(h, c, b""),
    "HS256 with the client's secret": lambda f, h, c: f.hs256(h, c, b"s3cret of the client"),
    "another key under its own kid": lambda f, h, c: f.by_own_key(h | {"kid": "evil"}, c),
    "embedded jwk": lambda f, h, c: f"{b64(h | {'jwk': f.own.as_dict(private=False)})}.{b64(c)}.{b64(b'x' * 256)}",
    "jku": lambda f, h, c: f"{b64(h | {'jku': f.server})}.{b64(c)}.{b64(b'x' * 256)}",
    "x5u": lambda f, h, c: f"{b64(h | {'x5u': f.server})}.{b64(c)}.{b64(b'x' * 256)}",
    "x5c": lambda f, h, c: f"{b64(h | {'x5c': ['MIIB']})}.{b64(c)}.{b64(b'x' * 256)}",
    "kid an address": lambda f, h, c: f.by_own_key(h | {"kid": f.server}, c),
    "kid a path": lambda f, h, c: f.by_own_key(h | {"kid": "../../../../dev/null"}, c),
    "kid no text": lambda f, h, c: f"{b64(h | {'kid': {'$ne': None}})}.{b64(c)}.{b64(b'x')}",
    "crit": lambda f, h, c: f"{b64(h | {'crit': ['exp'], 'exp': 1})}.{b64(c)}.{b64(b'x' * 256)}",
    "b64 false": lambda f, h, c: f"{b64(h | {'b64': False, 'crit': ['b64']})}.x.{b64(b'x' * 256)}",
    "zip": lambda f, h, c: f"{b64(h | {'zip': 'DEF'})}.{b64(zlib.compress(b' ' * 10**6))}.{b64(b'x')}",
    "encrypted": lambda f, h, c: ".".join([b64({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}), "", "x", "x", "x"]),
    "JSON serialisation": lambda f, h, c: json.dumps({"payload": b64(c), "signatures": [{"protected": b64(h)}]}),
    "an object": lambda f, h, c: {"payload": b64(c), "protected": b64(h), "signature": "x"},
    "1 MiB": lambda f, h, c: f"{b64(h)}.{'A' * 2**20}.x",
    "1 MiB of dots": lambda f, h, c: "." * 2**20,
    "deep header": lambda f, h, c: f"{b64(b'[' * 20_000)}.{b64(c)}.x",
    "header no object": lambda f, h, c: f"{b64([1])}.{b64(c)}.x",
    "signature missing": lambda f, h, c: right(f, h, c).rpartition(".")[0],
    "empty": lambda f, h, c: "",
    "null": lambda f, h, c: None,
}  # fmt: skip
"""Shape, length or header are wrong, or the header names a key that the provider does not publish."""

UNSIGNED: dict[str, Forge] = {
    "another key under the right kid": lambda f, h, c: f.by_own_key(h, c),
    "signature cut off": lambda f, h, c: right(f, h, c).rpartition(".")[0] + ".",
    "claims changed": lambda f, h, c: swap(right(f, h, c), 1, c | {"sub": "root"}),
}  # fmt: skip
"""The header is right, and the signature is not."""

SIGNED: dict[str, Forge] = {
    "of another sign-in": lambda f, h, c: right(f, h, c | {"nonce": "A" * 43}),
    "without nonce": lambda f, h, c: right(f, h, {name: c[name] for name in c if name != "nonce"}),
    "nonce a list": lambda f, h, c: right(f, h, c | {"nonce": [c["nonce"]]}),
    "another audience": lambda f, h, c: right(f, h, c | {"aud": "another-client"}),
    "no audience": lambda f, h, c: right(f, h, {name: c[name] for name in c if name != "aud"}),
    "audience an object": lambda f, h, c: right(f, h, c | {"aud": {CLIENT_ID: 1}}),
    "many audiences, nobody asked": lambda f, h, c: right(f, h, c | {"aud": [CLIENT_ID, "other"]}),
    "many audiences, another asked": lambda f, h, c: right(f, h, c | {"aud": [CLIENT_ID, "other"], "azp": "other"}),
    "another asked": lambda f, h, c: right(f, h, c | {"azp": "other"}),
    "another issuer": lambda f, h, c: right(f, h, c | {"iss": "https://evil.example"}),
    "issuer with a slash more": lambda f, h, c: right(f, h, c | {"iss": c["iss"] + "/"}),
    "no issuer": lambda f, h, c: right(f, h, {name: c[name] for name in c if name != "iss"}),
    "expired": lambda f, h, c: right(f, h, c | {"exp": c["iat"] - 61}),
    "no end": lambda f, h, c: right(f, h, {name: c[name] for name in c if name != "exp"}),
    "end a text": lambda f, h, c: right(f, h, c | {"exp": "9999999999"}),
    "end true": lambda f, h, c: right(f, h, c | {"exp": True}),
    "not yet": lambda f, h, c: right(f, h, c | {"nbf": c["iat"] + 61}),
    "made tomorrow": lambda f, h, c: right(f, h, c | {"iat": c["iat"] + 86_400}),
    "nobody": lambda f, h, c: right(f, h, {name: c[name] for name in c if name != "sub"}),
    "subject empty": lambda f, h, c: right(f, h, c | {"sub": ""}),
    "subject a number": lambda f, h, c: right(f, h, c | {"sub": 7}),
    "subject too long": lambda f, h, c: right(f, h, c | {"sub": "x" * 256}),
}  # fmt: skip
"""Signed by the provider, and not good for this sign-in."""

FORGERIES = UNFIT | UNSIGNED | SIGNED


@pytest.fixture
async def provider(clock: StoppedClock, anyio_backend: str) -> AsyncIterator[FakeProvider]:
    """A provider that speaks the truth until told otherwise."""
    async with FakeProvider(clock) as fake:
        yield fake


@pytest.fixture
async def walker(sqlite_db: Database, provider: FakeProvider, tmp_path: Path) -> AsyncIterator[Walker]:
    """A browser in front of the appliance, which lets new people in, so that only the token keeps them out."""
    from tests import make

    await make.cast(sqlite_db)
    app = OpenAlert(config(provider, str(tmp_path)), sqlite_db, b"a secret of the tests")
    provider.person = {"sub": "mallory", "email": "mallory@example.org", "email_verified": True, "name": "M"}
    async with app.running():
        opened = Walker(app, provider)
        async with opened.client:
            yield opened


class Watched:
    """What was done for a token: texts that were read as JSON, and each use of a key, a signature or packed data."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[bytes] = []
        self.heavy: list[str] = []
        decode = msgspec.json.decode

        def reading(raw: bytes, **options: Any) -> Any:
            self.read.append(raw)
            return decode(raw, **options)

        monkeypatch.setattr(msgspec.json, "decode", reading)
        for module, function in (
            (jwk, "import_key"), (jws, "deserialize_compact"), (zlib, "decompress"), (zlib, "decompressobj"),
        ):  # fmt: skip
            monkeypatch.setattr(module, function, self._noted(function, getattr(module, function)))

    def _noted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            self.heavy.append(name)
            return function(*arguments, **options)

        return noted


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """What is done for tokens from here on."""
    return Watched(monkeypatch)


CHECKED = ["import_key", "deserialize_compact"]


async def test_no_forged_token_lets_anybody_in(
    walker: Walker, provider: FakeProvider, watched: Watched
) -> None:
    """401 for each, no cryptography for what is unfit, not a word to the attacker's server; then the real one works."""
    async with FakeWebhook() as evil:
        forger = Forger(provider, evil.url)
        for name, forge in FORGERIES.items():
            walker.openalert.access.departures._full_at.clear()
            provider.forge = lambda header, claims, forge=forge: forge(forger, header, claims)
            back = provider.authorize(await walker.leave())
            watched.heavy.clear()
            answer = await walker.come_back(back)
            assert watched.heavy == ([] if name in UNFIT else CHECKED), name
            assert answer.status_code == 401, (name, answer.status_code)
            assert await walker.me() is None, name
            assert "ID_TOKEN_REFUSED" in answer.text, name
        assert evil.requests == []
    async with walker.openalert.database.read() as reader:
        assert await reader.rows("SELECT * FROM identities") == []
    provider.forge = None
    assert (await walker.sign_in()).status_code == 303
    assert asked(provider, "/keys") <= 2


def judge(token: Any, nonce: str, provider: FakeProvider) -> None:
    """The checking alone, without provider, browser and database: as `IdentityProvider.claims` does it."""
    if not isinstance(token, str):
        raise refused("no text.")
    read = id_token.read_header(token, id_token.ALGORITHMS)
    key = id_token.choose_key(read, [provider.key.as_dict(private=False)])
    claims = id_token.verify(token, read, key)
    id_token.check(claims, client_id=CLIENT_ID, nonce=nonce, now=provider.clock())
    person_of(claims, provider.issuer, ())


@pytest.mark.parametrize("name", list(FORGERIES))
def test_nothing_is_done_for_a_token_before_it_earned_it(name: str, watched: Watched) -> None:
    """Nothing for what is too long; cryptography for a right header; a look at the content for a right signature."""
    provider = FakeProvider(lambda: 1_767_603_600_000)
    forger = Forger(provider, "https://evil.example/keys")
    header = {"alg": "RS256", "kid": provider.key.kid, "typ": "JWT"}
    judge(provider.sign(header, provider.claims("n")), "n", provider)
    assert (watched.heavy, len(watched.read)) == (CHECKED, 2)
    watched.heavy.clear()
    watched.read.clear()
    token = FORGERIES[name](forger, header, provider.claims("n"))
    with pytest.raises(id_token.Unauthenticated):
        judge(token, "n", provider)
    assert watched.heavy == ([] if name in UNFIT else CHECKED)
    most = 0 if not isinstance(token, str) or len(token) > id_token.LONGEST else 2 if name in SIGNED else 1
    assert len(watched.read) <= most
    assert sum(map(len, watched.read)) <= id_token.LONGEST


def test_clocks_may_differ_by_a_minute(provider: FakeProvider) -> None:
    """Sixty seconds either way are fine."""
    now = provider.clock()
    for changes in ({"exp": now // 1000 - 59}, {"nbf": now // 1000 + 60}, {"iat": now // 1000 + 60}):
        id_token.check(provider.claims("n") | changes, client_id=CLIENT_ID, nonce="n", now=now)


@pytest.mark.parametrize(
    "published",
    [
        [],
        [{}],
        [{"kty": "oct", "k": "", "kid": "RSA-1"}],
        [{"kty": "RSA", "n": "", "e": "AQAB", "kid": "RSA-1"}],
        [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "RSA-1"}],
        [{"kty": "RSA", "kid": "RSA-1"}],
        [{"kty": "RSA", "n": 7, "e": None, "kid": "RSA-1"}],
        "twice",
        "for encryption",
    ],
)
async def test_odd_published_keys_open_nothing(
    walker: Walker, provider: FakeProvider, published: Any
) -> None:
    """No keys, empty ones, short ones, secrets, two of one name, one that is for encryption."""
    own = provider.key.as_dict(private=False)
    provider.published = {"twice": [own, own], "for encryption": [own | {"use": "enc"}]}.get(
        str(published), published
    )
    answer = await walker.sign_in()
    assert answer.status_code in (401, 503)
    assert await walker.me() is None


async def test_what_the_provider_redirects_to_is_not_asked(walker: Walker, provider: FakeProvider) -> None:
    """A redirect is an answer like any other; what never ends is not read to its end."""
    async with FakeWebhook() as evil, FakeWebhook() as keys:
        keys.answer(302, {"Location": evil.url})
        provider.metadata = {"jwks_uri": keys.url}
        assert (await walker.sign_in()).status_code == 503
        keys.fault = Fault.ENDLESS_BODY
        assert (await walker.sign_in()).status_code == 503
        assert evil.requests == []
        assert len(keys.requests) == 2
        assert keys.sent < 64 * 2**20  # of a gigabyte; some megabytes are on the way before it is hung up
