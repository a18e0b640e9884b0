"""Objects in a bucket: signed as botocore signs, and every way in which a store says no."""

from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from openalert.domain.instant import Instant
from openalert.notifiers import addresses
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.notifier import NotifierError, Reason
from openalert.notifiers.s3 import Bucket, S3Settings, sign
from tests.fakes import s3 as fake
from tests.fakes.s3 import FakeS3
from tests.fakes.webhook import Fault

pytestmark = pytest.mark.anyio
NOW = 1_792_000_000_000
VENDORS_KEY = "".join(("AKIA", "IOSFODNN7EXAMPLE"))
"""Of the vendor's documentation; in two parts, so that nobody takes it for one that was lost here."""


def settings(endpoint: str, **options: object) -> S3Settings:
    """Those of the fake."""
    given = {"bucket": fake.BUCKET, "region": fake.REGION, "access_key_id": fake.ACCESS_KEY} | options
    return S3Settings(endpoint=endpoint, secret_access_key=fake.SECRET_KEY, **given)  # type: ignore[arg-type]


@pytest.fixture
async def store() -> AsyncIterator[FakeS3]:
    """The store; a request that the real one would refuse for its form fails the test."""
    async with FakeS3() as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def bucket(store: FakeS3) -> AsyncIterator[Bucket]:
    """Its bucket, in a private network that nobody opened: the endpoint is the operator's own word."""
    made = Bucket(settings(store.endpoint), OutgoingSettings())
    yield made
    await made.close()


@pytest.mark.parametrize("path_style", [True, False])
@pytest.mark.parametrize("endpoint", ["https://s3.eu-test-1.amazonaws.com", "https://MinIO.example.com:9000"])
@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "index.html"),
        ("a b/ü+~!*'()", "incidents/a%2Fb/index.html"),
        ("x=y&z", "//double//index.html"),
        ("", "../up/./here"),
    ],
)
@pytest.mark.parametrize("body", [b"", b"words", bytes(range(256))])
def test_the_signature_is_that_of_botocore(
    path_style: bool, endpoint: str, prefix: str, key: str, body: bytes
) -> None:
    """For every way to write a key, an endpoint and a body."""
    known = settings(endpoint, path_style=path_style, prefix=prefix)
    said = {"content-type": "text/html;  charset=utf-8", "cache-control": "public, max-age=30"}
    ours = sign(known, "PUT", known.path(key), said, body, NOW)
    auth = S3SigV4Auth(Credentials(fake.ACCESS_KEY, fake.SECRET_KEY), "s3", fake.REGION)
    theirs = AWSRequest("PUT", known.base_url + known.path(key), headers=dict(ours), data=body)
    del theirs.headers["authorization"]
    theirs.headers["host"] = known.base_url.removeprefix("https://").lower()
    theirs.context["timestamp"] = ours["x-amz-date"]
    text = auth.string_to_sign(theirs, auth.canonical_request(theirs))
    assert ours["authorization"].endswith(f"Signature={auth.signature(text, theirs)}")
    assert fake.SECRET_KEY not in f"{ours} {known!r}"


def test_the_signature_is_that_of_the_documentation() -> None:
    """The example "PUT Object" of the vendor's own page, byte for byte."""
    known = S3Settings(
        endpoint="https://s3.amazonaws.com",
        region="us-east-1",
        bucket="examplebucket",
        access_key_id=VENDORS_KEY,
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        path_style=False,
    )
    at = 1_369_353_600_000  # 20130524T000000Z
    signed = sign(known, "PUT", known.path("test$file.text"), {
        "date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }, b"Welcome to Amazon S3.", at)  # fmt: skip
    assert signed["authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={VENDORS_KEY}/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


async def test_an_object_is_put_and_taken_away(store: FakeS3, bucket: Bucket) -> None:
    """With its type and how long it may be kept; taking away what is not there is no fault."""
    await bucket.put(
        "a/index.html", b"<p>", NOW, content_type="text/html", cache_control="public, max-age=30"
    )
    assert store.objects["a/index.html"] == fake.Object(b"<p>", "text/html", "public, max-age=30")
    await bucket.delete("a/index.html", NOW)
    await bucket.delete("a/index.html", NOW)
    assert store.objects == {}


async def test_a_bucket_in_the_name_of_the_host(store: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same store, asked for as `bucket.host`, with a prefix that has to be encoded."""
    monkeypatch.setattr(addresses, "_lookup", lambda *_: [ip_address("127.0.0.1")])
    store.path_style = False
    known = settings(store.endpoint, path_style=False, prefix="pages of ours/ü+!*'()&=")
    made = Bucket(known, OutgoingSettings())
    try:
        await made.put("index.html", b"x", NOW, content_type="text/html", cache_control="")
    finally:
        await made.close()
    assert list(store.objects) == ["pages of ours/ü+!*'()&=/index.html"]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (503, "SlowDown", Reason.RATE_LIMITED),
        (500, "InternalError", Reason.PROVIDER_FAILED),
        (403, "SignatureDoesNotMatch", Reason.AUTH_FAILED),
        (404, "NoSuchBucket", Reason.REFUSED),
        (301, "PermanentRedirect", Reason.BAD_RESPONSE),
        (200, "InternalError", Reason.BAD_RESPONSE),
    ],
)
async def test_what_a_store_says_is_told_by_its_code_alone(
    store: FakeS3, bucket: Bucket, status: int, code: str, reason: Reason
) -> None:
    """Also an error behind a 200; nothing of what it echoes of ours is in the words."""
    store.answers = [(status, code)]
    with pytest.raises(NotifierError) as refused:
        await bucket.put("index.html", b"x", NOW, content_type="text/html", cache_control="")
    assert refused.value.reason is reason
    assert refused.value.detail == f"The bucket {fake.BUCKET} answered {status} {code} to PUT index.html."


async def test_a_store_may_say_how_long_to_wait(store: FakeS3, bucket: Bucket) -> None:
    """Retry-After is passed on."""
    store.answer(503, {"Retry-After": "42"}, b"<Error><Code>SlowDown</Code></Error>")
    with pytest.raises(NotifierError) as refused:
        await bucket.delete("index.html", NOW)
    assert refused.value.retry_after == 42


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.RESET, Fault.NOT_HTTP, Fault.HALF_RESPONSE])
async def test_a_broken_answer_is_a_failure_like_any_other(
    store: FakeS3, bucket: Bucket, fault: Fault
) -> None:
    """Asked again, the same object changes nothing, so a lost answer is tried again."""
    store.fault = fault
    with pytest.raises(NotifierError):
        await bucket.put("index.html", b"x", NOW, content_type="text/html", cache_control="")


async def test_a_wrong_secret_is_found_out(store: FakeS3) -> None:
    """The fake proves signatures: with another secret, another day or another body there is a refusal."""
    at: Instant = NOW
    known = settings(store.endpoint)
    wrong = Bucket(
        S3Settings(endpoint=store.endpoint, bucket=fake.BUCKET, region=fake.REGION,
                   access_key_id=fake.ACCESS_KEY, secret_access_key="another"),
        OutgoingSettings(),
    )  # fmt: skip
    try:
        with pytest.raises(NotifierError, match="SignatureDoesNotMatch"):
            await wrong.put("index.html", b"x", at, content_type="text/html", cache_control="")
    finally:
        await wrong.close()
    assert known.secret_access_key not in repr(store.problems)
    store.problems.clear()
