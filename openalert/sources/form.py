"""Form bodies: `application/x-www-form-urlencoded` and `multipart/form-data` (RFC 7578), as flat fields."""

import re
from urllib.parse import parse_qsl

from openalert.domain.errors import Invalid

_MOST_FIELDS = 200
_NAME = re.compile(r'\bname="([^"]{0,200})"|\bname=([^;\s"]{1,200})', re.IGNORECASE)
_JSON_FIELD = re.compile(rb"\s*(?:payload|data|json)=\s*(?:%7B|%5B|[{\[])", re.IGNORECASE)


def carries_json(content: bytes) -> bool:
    """A form field with JSON inside, posted without saying that it is a form."""
    return _JSON_FIELD.match(content) is not None


def urlencoded(content: bytes) -> dict[str, str]:
    """The fields of a URL-encoded form, the last of equal names; raises `Invalid` for what is none."""
    try:
        pairs = parse_qsl(content.decode(), max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        raise Invalid(f"The form cannot be read: send UTF-8 and at most {_MOST_FIELDS} fields.") from None
    return dict(pairs)


def multipart(content: bytes, content_type: str) -> dict[str, str]:
    """The text fields of a multipart form, the last of equal names; raises `Invalid` for what is none."""
    boundary = parameter(content_type, "boundary").encode("latin-1", "replace")
    if not boundary or b"--" + boundary not in content:
        raise Invalid("The multipart body does not hold the boundary that its content type names.")
    parts = content.split(b"--" + boundary, _MOST_FIELDS + 1)[1:]
    if len(parts) > _MOST_FIELDS:
        raise Invalid(f"The form has more than {_MOST_FIELDS} fields.")
    fields = {}
    for part in parts:
        head, _, value = part.partition(b"\r\n\r\n")
        found = _NAME.search(head[:2_000].decode("utf-8", "replace"))
        if found and b"filename=" not in head.lower():
            fields[found[1] or found[2] or ""] = value.removesuffix(b"\r\n").decode("utf-8", "replace")
    return fields


def parameter(header: str, name: str) -> str:
    """A parameter of a header value such as `text/plain; charset=utf-8`; "" when it is not there."""
    for part in header.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""
