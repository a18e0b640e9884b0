"""Between rows and structs: a struct's fields are its table's columns, nested values are JSON text."""

import types
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import astuple

T = TypeVar("T")
Parameters = dict[str, Any]
_VALUES = " VALUES "

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def to_json(value: Any) -> str:
    """Compact JSON text for a column."""
    return _encode(value).decode()


_EMPTY: dict[type, str] = {dict: "{}", list: "[]", tuple: "[]"}


def _to_json_quickly(value: Any) -> str:
    """As `to_json`; half of all nested values are empty."""
    return (not value and _EMPTY.get(type(value))) or _encode(value).decode()


def from_row(kind: type[T], columns: Sequence[str], row: Sequence[Any]) -> T:
    """One row as a `kind`; columns must be fields of it, JSON and enum columns are decoded."""
    values = dict(zip(columns, row, strict=True))
    hashable: type = kind
    for name in _nested(hashable, tuple(columns)):
        if values[name] is not None:
            values[name] = _decode(values[name])
    # Not strict: SQLite knows no booleans.
    return msgspec.convert(values, kind, strict=False)


def to_parameters(struct: msgspec.Struct) -> Parameters:
    """Every field of a struct as a statement parameter; nested values become JSON text."""
    return {
        name: to_json(getattr(struct, name)) if nested else getattr(struct, name)
        for name, nested in _fields(type(struct))
    }


@lru_cache(maxsize=128)
def values_of(kind: type[msgspec.Struct]) -> Callable[[Any], list[Any]]:
    """What makes the values of a row, in field order, of a struct of this kind."""
    said = get_type_hints(kind)
    hints = {name: _without_none(hint) for name, hint in said.items()}
    changed: list[tuple[int, Callable[[Any], Any]]] = []
    for index, name in enumerate(kind.__struct_fields__):
        if _is_nested(hints[name]):
            changed.append((index, _to_json_quickly))
        elif isinstance(hints[name], type) and issubclass(hints[name], StrEnum):
            # Drivers take plain text several times as fast as a subclass of it.
            changed.append((index, str if hints[name] is said[name] else _plain))

    def values(struct: Any) -> list[Any]:
        row = list(astuple(struct))
        for index, convert in changed:
            row[index] = convert(row[index])
        return row

    return values


def _plain(member: StrEnum | None) -> str | None:
    return None if member is None else str(member)


def columns_of(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The column names of a struct's table, in field order."""
    return kind.__struct_fields__


@lru_cache(maxsize=512)
def _nested(kind: type, columns: tuple[str, ...]) -> tuple[str, ...]:
    hints = get_type_hints(kind)
    return tuple(name for name in columns if _is_nested(_without_none(hints[name])))


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
    """`INSERT INTO table (…) VALUES (?, …)` for these columns; names come from structs, never from outside."""
    listed = list(names)
    return f"INSERT INTO {table} ({', '.join(listed)}){_VALUES}({', '.join('?' * len(listed))})"


@lru_cache(maxsize=512)
def for_several(statement: str, count: int) -> str:
    """An `insert_statement`, whatever follows it, for so many rows, whose values stand one row after the other."""
    head, _, rest = statement.partition(_VALUES)
    row, _, conflict = rest.partition(")")
    return f"{head}{_VALUES}{', '.join([row + ')'] * count)}{conflict}"
