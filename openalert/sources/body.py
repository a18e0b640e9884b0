"""Bytes to values: whatever a sender posts, decoded, or refused with a sentence that its owner can act on.

JSON under any content type, form fields and multipart parts that carry JSON or the alert itself, plain text,
and gzip within bounds. No string that comes out holds U+0000 or a lone surrogate: everything can be stored.
"""

import json
import zlib
from contextlib import suppress
from typing import Any, NoReturn

import msgspec

from openalert.domain.errors import Invalid, TooLarge, Unsupported
from openalert.sources import form, mail_document, text
from openalert.sources.source import Inbound

LIMIT = 1024 * 1024
"""Bytes, before and after decompression."""

_DECODER = msgspec.json.Decoder()
_BOM = b"\xef\xbb\xbf"
_CHARSETS = frozenset(
    {"latin-1", "iso-8859-1", "iso-8859-15", "windows-1252", "cp1252", "utf-16", "utf-16le", "utf-16be"}
)
_LONGEST_NUMBER = 400
_TOO_DEEP = "The body is nested too deeply to be an alert."


def decode(content: bytes, inbound: Inbound, limit: int = LIMIT) -> Any:
    """The value a body holds; raises `Invalid`, `TooLarge` or `Unsupported`, never anything else."""
    if len(content) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes. Send fewer alerts per message.", limit=limit)
    headers = inbound.headers
    if encoding := headers.get("content-encoding"):
        content = _inflate(content, encoding.strip().lower(), limit)
    kind = headers.get("content-type", "")
    try:
        value = _json(content, kind)
        # The other ways to write U+0000 or a lone surrogate do not pass the decoder.
        return _scrubbed(value) if b"\\u0000" in content else value
    except RecursionError:
        raise Invalid(_TOO_DEEP) from None


def _json(content: bytes, kind: str) -> Any:
    """The way of nearly every message: JSON, whatever the content type claims."""
    try:
        return _DECODER.decode(content)
    except ValueError as error:
        problem = error
    if content.startswith(_BOM):
        return _json(content[len(_BOM) :], kind)
    if (transcoded := _transcoded(content, kind)) is not None:
        return _json(transcoded, kind.partition(";")[0])
    if not content.strip():
        raise Invalid("The body is empty. Send the alert as a JSON object.")
    try:
        return _scrubbed(_lenient(content))
    except ValueError:
        media_type = kind.partition(";")[0].strip().lower()
        return _scrubbed(_not_json(content, media_type, kind, problem))


def _not_json(content: bytes, media_type: str, header: str, problem: ValueError) -> Any:
    if media_type == mail_document.MEDIA_TYPE:
        return mail_document.document(content)
    if media_type == "multipart/form-data":
        return _fields(form.multipart(content, header))
    looks_like_json = content.lstrip()[:1] in {b"{", b"[", b'"'}
    if not looks_like_json and (
        media_type == "application/x-www-form-urlencoded" or form.carries_json(content)
    ):
        return _fields(form.urlencoded(content))
    if media_type == "text/plain" and not looks_like_json:
        with suppress(UnicodeDecodeError):
            return {"message": content.decode()}
    return _refuse(content, problem)


def _refuse(content: bytes, problem: ValueError) -> NoReturn:
    if b"\x00" in content[:4]:
        raise Invalid("The body is not UTF-8. Send JSON encoded as UTF-8.") from None
    if isinstance(problem, UnicodeDecodeError):
        raise Invalid("The body is not valid UTF-8. Send JSON encoded as UTF-8.") from None
    reason = str(problem).removeprefix("JSON is malformed: ")
    raise Invalid(f"The body is not valid JSON: {reason}. Send one JSON object, or a list of them.") from None


def _fields(fields: dict[str, str]) -> Any:
    """The JSON inside the usual field of a form, else the fields themselves as an object."""
    for name in ("payload", "data", "json", "body"):
        inner = fields.get(name, "")
        if inner.lstrip()[:1] in {"{", "["}:
            content = inner.encode("utf-8", "replace")
            try:
                return _DECODER.decode(content)
            except ValueError as error:
                _refuse(content, error)
    if not fields:
        raise Invalid("The form is empty. Send the alert as JSON, or as the form field `payload`.")
    return fields


def _lenient(content: bytes) -> Any:
    """JSON that is valid by its grammar but too much for the fast decoder: huge numbers, lone surrogates."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    return json.loads(content.decode(), parse_int=_integer, parse_float=_float, parse_constant=refuse)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits[:_LONGEST_NUMBER]


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if abs(number) < float("inf") else digits[:_LONGEST_NUMBER]


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return text.storable(value)
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value


def _transcoded(content: bytes, kind: str) -> bytes | None:
    """The body as UTF-8 when its content type or its byte order mark names another known encoding."""
    charset = form.parameter(kind, "charset").lower()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        charset = "utf-16"
    if charset not in _CHARSETS:
        return None
    try:
        return content.decode(charset).encode()
    except UnicodeError:
        return None


def _inflate(content: bytes, encoding: str, limit: int) -> bytes:
    if encoding in {"", "identity"}:
        return content
    if encoding not in {"gzip", "x-gzip"}:
        raise Unsupported(f'The content encoding "{encoding[:40]}" is not read. Send plain JSON, or gzip.')
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(content, limit + 1)
    except zlib.error:
        raise Invalid("The body is not valid gzip, as its content encoding says.") from None
    if len(plain) > limit:
        raise TooLarge(f"The unpacked body is larger than {limit} bytes. Send fewer alerts.", limit=limit)
    if not stream.eof:
        raise Invalid("The gzip body ends too early.")
    return plain
