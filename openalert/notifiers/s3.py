"""Objects in a bucket of S3, or of a store that speaks its protocol: R2, MinIO, Backblaze, Wasabi and others.

Signed with AWS Signature Version 4 as S3 has it: each part of the path is encoded once, the body is named by its hash
in `x-amz-content-sha256`, and every header that says something about the object is signed.
Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape, unescape

import msgspec

from openalert.domain.instant import Instant, to_datetime
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, for_provider, retry_after
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason

NO_QUERY: Mapping[str, str] = MappingProxyType({})
_FILE = "application/vnd.sqlite3"
_ALGORITHM = "AWS4-HMAC-SHA256"
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_BUSY = ("SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "TooManyRequests")
_UPLOAD = re.compile(rb"<UploadId>([^<]{1,1024})</UploadId>")
SECONDS = 30.0
PART = 16 * 1024 * 1024
"""Bytes of a large file that one request carries; S3 takes parts of 5 MiB and more, and 10,000 of them."""


class S3Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket and who may write to it."""

    endpoint: str
    """Scheme and host, perhaps with a port: `https://s3.eu-central-1.amazonaws.com`."""
    region: str
    bucket: str
    prefix: str = ""
    """Begins every key; without slashes at its ends."""
    access_key_id: str
    secret_access_key: str
    path_style: bool = True
    """Whether the bucket stands in the path; else it begins the name of the host."""

    def __repr__(self) -> str:
        """Never the keys: it ends up in logs."""
        return f"<bucket {self.bucket}>"

    @property
    def base_url(self) -> str:
        """Scheme and host of requests."""
        if self.path_style:
            return self.endpoint
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{self.bucket}.{parts.netloc}"

    def path(self, key: str) -> str:
        """The encoded path of this object."""
        parts = [self.bucket] if self.path_style else []
        whole = "/".join([*parts, *([self.prefix] if self.prefix else []), key])
        return "/" + quote(whole, safe="/-_.~")


class Bucket:
    """A bucket that is written to. Safe to use from many tasks at once."""

    def __init__(self, settings: S3Settings, outgoing: OutgoingSettings) -> None:
        """The endpoint is the operator's own choice: it may lie in a private network."""
        limits = msgspec.structs.replace(for_provider(outgoing, settings.base_url), deadline=SECONDS)
        self.settings = settings
        self._client = HttpClient(limits)

    async def put(
        self, key: str, body: bytes, now: Instant, *, content_type: str, cache_control: str
    ) -> None:
        """Let the object hold this; NotifierError where it may not have arrived."""
        headers = {"cache-control": cache_control, "content-type": content_type}
        await self._request("PUT", key, body, now, {name: value for name, value in headers.items() if value})

    async def put_file(self, key: str, path: Path, clock: Callable[[], Instant]) -> None:
        """Let the object hold this file: whole, or as it was before. NotifierError where it may not have arrived.

        A large one is carried in parts, which become the object only when the last of them has arrived.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        if size <= PART:
            body = await asyncio.to_thread(path.read_bytes)
            await self.put(key, body, clock(), content_type=_FILE, cache_control="")
            return
        kind = {"content-type": _FILE}
        answer = await self._request("POST", key, b"", clock(), kind, {"uploads": ""})
        found = _UPLOAD.search(answer.body)
        if found is None:
            raise NotifierError(
                Reason.BAD_RESPONSE, f"The bucket {self.settings.bucket} began no upload of {key}."
            )
        upload = {"uploadId": unescape(found[1].decode("utf-8", "replace"))}
        try:
            tags = []
            for number in range(1, -(-size // PART) + 1):
                body = await asyncio.to_thread(_part, path, number)
                part = await self._request(
                    "PUT", key, body, clock(), {}, {"partNumber": str(number), **upload}
                )
                tags.append(part.headers.get("etag", ""))
            await self._request("POST", key, _completion(tags), clock(), {}, upload)
        except BaseException:
            with suppress(NotifierError):
                await self._request("DELETE", key, b"", clock(), {}, upload)
            raise

    async def delete(self, key: str, now: Instant) -> None:
        """Take the object away; one that is not there is no fault."""
        await self._request("DELETE", key, b"", now, {})

    async def close(self) -> None:
        """Ends what is open."""
        await self._client.close()

    async def _request(
        self,
        method: str,
        key: str,
        body: bytes,
        now: Instant,
        headers: Mapping[str, str],
        query: Mapping[str, str] = NO_QUERY,
    ) -> Answer:
        path, asked = self.settings.path(key), _query(query)
        signed = sign(self.settings, method, path, headers, body, now, asked)
        url = self.settings.base_url + path + (f"?{asked}" if asked else "")
        try:
            answer = await self._client.request(method, url, headers=signed, body=body)
        except LostAnswer as error:
            # The same object with the same body: asked again, it changes nothing.
            raise NotifierError(Reason.UNREACHABLE, error.detail) from error
        self._check(method, key, answer, now)
        return answer

    def _check(self, method: str, key: str, answer: Answer, now: Instant) -> None:
        found = _CODE.search(answer.body)
        code = found[1].decode() if found else ""
        is_gone = method == "DELETE" and (code == "NoSuchKey" or (answer.status == 404 and not code))
        if is_gone or (answer.status in (200, 201, 204) and not code):
            return
        reason = _REASONS.get(answer.status, Reason.REFUSED)
        if answer.status >= 500 or code in _BUSY:
            reason = Reason.RATE_LIMITED if code in _BUSY else Reason.PROVIDER_FAILED
        elif answer.status < 400:
            reason = Reason.BAD_RESPONSE
        said = f"{answer.status} {code}".strip()
        raise NotifierError(
            reason,
            f"The bucket {self.settings.bucket} answered {said} to {method} {key}.",
            retry_after=retry_after(answer.headers.get("retry-after"), now),
        )


_REASONS = {401: Reason.AUTH_FAILED, 403: Reason.AUTH_FAILED, 429: Reason.RATE_LIMITED}


def _query(asked: Mapping[str, str]) -> str:
    """As it is sent and signed: by name, each part encoded."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(asked[name], safe='-_.~')}" for name in sorted(asked))


def _part(path: Path, number: int) -> bytes:
    with path.open("rb") as file:
        file.seek((number - 1) * PART)
        return file.read(PART)


def _completion(tags: Sequence[str]) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def sign(
    settings: S3Settings,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    now: Instant,
    query: str = "",
) -> dict[str, str]:
    """The headers of this request with those that sign it; `headers` has lower-case names, `path` is encoded.

    `query` is in the order of its names and encoded.
    """
    at = to_datetime(now)
    stamp, day = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}"
    digest = hashlib.sha256(body).hexdigest()
    said = {name: " ".join(value.split()) for name, value in headers.items()}
    said |= {"x-amz-content-sha256": digest, "x-amz-date": stamp}
    every = said | {"host": urlsplit(settings.base_url).netloc.lower()}
    names = ";".join(sorted(every))
    lines = "".join(f"{name}:{every[name]}\n" for name in sorted(every))
    canonical = "\n".join((method, path, query, lines, names, digest))
    scope = f"{day}/{settings.region}/s3/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{settings.secret_access_key}".encode()
    for part in (day, settings.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{settings.access_key_id}/{scope}"
    said["authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return said
