"""Between rows and structs: a struct's fields are its table's columns, nested values are JSON text."""

import types
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T")
Parameters = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def to_json(value: Any) -> str:
    """Compact JSON text for a column."""
    return _encode(value).decode()


def from_row(kind: type[T], columns: Sequence[str], row: Sequence[Any]) -> T:
    """One row as a `kind`; columns must be fields of it, JSON and enum columns are decoded."""
    return kind(**_values(kind, tuple(columns), row))


def to_parameters(struct: msgspec.Struct) -> Parameters:
    """Every field of a struct as a statement parameter; nested values become JSON text."""
    return {
        name: to_json(getattr(struct, name)) if nested else getattr(struct, name)
        for name, nested in _fields(type(struct))
    }


def columns_of(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The column names of a struct's table, in field order."""
    return kind.__struct_fields__


def _values(kind: type, columns: tuple[str, ...], row: Sequence[Any]) -> Parameters:
    values = dict(zip(columns, row, strict=True))
    for name, convert in _converters(kind, columns):
        value = values[name]
        if value is not None:
            values[name] = convert(value)
    return values


@lru_cache(maxsize=512)
def _converters(kind: type, columns: tuple[str, ...]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = get_type_hints(kind)
    found = ((name, _converter(hints[name])) for name in columns)
    return tuple((name, convert) for name, convert in found if convert is not None)


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    plain = _without_none(hint)
    if plain is bool:
        return bool
    if isinstance(plain, type) and issubclass(plain, Enum):
        return plain
    if _is_nested(plain):
        return msgspec.json.Decoder(plain).decode
    return None


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not types.NoneType]
        if len(options) == 1:
            return options[0]
    return hint


def _is_nested(plain: Any) -> bool:
    origin = get_origin(plain) or plain
    if origin is Any or origin in (Union, types.UnionType):
        return False
    return isinstance(origin, type) and issubclass(origin, (dict, list, tuple, msgspec.Struct))


@lru_cache(maxsize=128)
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, bool], ...]:
    hints = get_type_hints(kind)
    return tuple((name, _is_nested(_without_none(hints[name]))) for name in kind.__struct_fields__)


def insert_statement(table: str, names: Iterable[str]) -> str:
    """`INSERT INTO table (…) VALUES (:…)` for these columns; names come from structs, never from outside."""
    listed = list(names)
    return f"INSERT INTO {table} ({', '.join(listed)}) VALUES ({', '.join(':' + name for name in listed)})"
