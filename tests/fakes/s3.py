"""A store on loopback that speaks the protocol of S3: it proves every signature anew with botocore's own signer.

`objects` is what lies in the bucket, `log` what was asked, in order. `answers` are given out one by one before it
behaves again: statuses with a code, as S3 says them.
"""

import hashlib
import re
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape, unescape

import msgspec
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes.webhook import FakeWebhook, Received, whole_answer

ACCESS_KEY = "AKIDEXAMPLE0000TESTS"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BUCKET = "status-copies"
REGION = "eu-test-1"
BEHAVES = (200, "")
"""Among `answers`: this request is answered as ever."""
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, SignedHeaders=([a-z0-9;-]+), "
    r"Signature=([0-9a-f]{64})"
)
_MUST_SIGN = {"host", "x-amz-content-sha256", "x-amz-date"}


class Object(msgspec.Struct):
    """One object."""

    body: bytes
    content_type: str
    cache_control: str


class FakeS3(FakeWebhook):
    """The store, with one bucket."""

    def __init__(self, **options: Any) -> None:
        """As the receiver of webhooks."""
        super().__init__(**options)
        self.objects: dict[str, Object] = {}
        self.log: list[tuple[str, str]] = []
        self.answers: list[tuple[int, str]] = []
        self.uploads: dict[str, tuple[str, str, dict[int, tuple[str, bytes]]]] = {}
        self.problems: list[str] = []
        """What a request had that the real one would not have taken, in form."""
        self.path_style = True

    @property
    def endpoint(self) -> str:
        """What `endpoint` is to be."""
        return f"http://{'127.0.0.1' if self.path_style else 'localhost'}:{self.port}"

    async def respond(self, request: Received) -> bytes:
        """The answer to one request."""
        if self.answers and (answer := self.answers.pop(0)) != BEHAVES:
            return refusal(*answer)
        if not self._answer.startswith(b"HTTP/1.1 200 Something\r\nContent-Type: application/json"):
            return self._answer
        refused = self._checked(request)
        if refused is not None:
            self.problems.append(f"{refused}: {request.method} {request.path}")
            return refusal(403, refused)
        key = self._key(request)
        if key is None:
            return refusal(404, "NoSuchBucket")
        self.log.append((request.method, key))
        query = request.path.partition("?")[2]
        if query:
            return self._in_parts(request, key, dict(parse_qsl(query, keep_blank_values=True)))
        if request.method == "PUT":
            self.objects[key] = Object(
                request.body,
                request.headers.get("content-type", ""),
                request.headers.get("cache-control", ""),
            )
            etag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
            return whole_answer(200, {"ETag": f'"{etag}"'}, b"")
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return whole_answer(204, {}, b"")
        return refusal(405, "MethodNotAllowed")

    def _in_parts(self, request: Received, key: str, query: dict[str, str]) -> bytes:
        """An upload in parts, as S3 has it: parts have an id, and are an object when they are put together."""
        if request.method == "POST" and query == {"uploads": ""}:
            name = f"upload&{len(self.uploads)}"
            self.uploads[name] = (key, request.headers.get("content-type", ""), {})
            said = f"<InitiateMultipartUploadResult><UploadId>{escape(name)}</UploadId></InitiateMultipartUploadResult>"
            return whole_answer(200, {"Content-Type": "application/xml"}, said.encode())
        upload = self.uploads.get(query.get("uploadId", ""))
        if upload is None or upload[0] != key:
            return refusal(404, "NoSuchUpload")
        parts = upload[2]
        if request.method == "PUT":
            tag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
            parts[int(query["partNumber"])] = (f'"{tag}"', request.body)
            return whole_answer(200, {"ETag": f'"{tag}"'}, b"")
        if request.method == "DELETE":
            del self.uploads[query["uploadId"]]
            return whole_answer(204, {}, b"")
        named = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>([^<]+)</ETag>", request.body.decode())
        if [(int(number), unescape(tag)) for number, tag in named] != [
            (number, tag) for number, (tag, _) in sorted(parts.items())
        ]:
            return refusal(400, "InvalidPart")
        self.objects[key] = Object(b"".join(body for _, (_, body) in sorted(parts.items())), upload[1], "")
        del self.uploads[query["uploadId"]]
        return whole_answer(200, {"Content-Type": "application/xml"}, b"<CompleteMultipartUploadResult/>")

    def _key(self, request: Received) -> str | None:
        path = unquote(request.path.partition("?")[0])
        if self.path_style:
            bucket, _, key = path.removeprefix("/").partition("/")
            return key if bucket == BUCKET and key else None
        return path.removeprefix("/") if request.headers["host"].startswith(f"{BUCKET}.") else None

    def _checked(self, request: Received) -> str | None:
        """The code of what is wrong with its signature; None: nothing is."""
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            return "AuthorizationHeaderMalformed"
        access_key, day, region, names, signature = found.groups()
        signed = names.split(";")
        if access_key != ACCESS_KEY:
            return "InvalidAccessKeyId"
        if region != REGION or not request.headers.get("x-amz-date", "").startswith(day):
            return "AuthorizationHeaderMalformed"
        about = {
            name
            for name in request.headers
            if name in ("content-type", "cache-control") or name[:6] == "x-amz-"
        }
        if signed != sorted(signed) or not (_MUST_SIGN | about) <= set(signed):
            return "AccessDenied"
        if request.headers["x-amz-content-sha256"] != hashlib.sha256(request.body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        if signature != expected(request, signed):
            return "SignatureDoesNotMatch"
        return None


def expected(request: Received, signed: list[str]) -> str:
    """The signature that botocore makes of this request."""
    auth = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    again = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{request.path}",
        headers={name: request.headers[name] for name in signed},
        data=request.body,
    )
    again.context["timestamp"] = request.headers["x-amz-date"]
    text = auth.string_to_sign(again, auth.canonical_request(again))
    return str(auth.signature(text, again))


def refusal(status: int, code: str) -> bytes:
    """An error as S3 says it: with what it was given, which is nobody's to read in a log."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>Please reduce your request rate.'
        f"</Message><AWSAccessKeyId>{ACCESS_KEY}</AWSAccessKeyId><StringToSign>{SECRET_KEY}</StringToSign></Error>"
    )
    return whole_answer(status, {"Content-Type": "application/xml"}, body.encode())
