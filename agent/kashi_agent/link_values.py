"""Values as JSON between meter and agent, by the definitions of the values themselves.

An object stands by its fields, in their order; holders, what they did and past use stand as rows.
A value stands as its integer; in the place of a value that could not be seen stands its reason as
text. So 0 and absent cannot be mistaken for each other on the line either. What is read must be
exactly what the definition says: every field there, but for empty ones of `LATER`, none left over,
no boolean for an integer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from enum import Enum
from functools import partial
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from kashi_agent.link_fields import (
    MISSING,
    NO_SUCH_FIELD,
    TEXT_CHARACTERS_MAX,
    LinkError,
    expected,
    expected_text,
)
from kashi_agent.sample import Absent, AbsentReason, Holder, HolderKind, HolderWork, PastUse

Reader = Callable[[Any], Any]
"""Takes what JSON gave and gives the value; LinkError says where within it something is wrong."""

Limits = Mapping[str, tuple[int | None, int | None]]
"""Least and most of integers by the name of their field; all others are at least 0."""

LATER: Final = frozenset({"untold"})
"""Lists that the first messages did not have: one that is empty is not told, and one that is not
told is empty. So meter and agent understand each other while one of them is exchanged."""

_REASONS: Final = {str(reason): Absent(reason) for reason in AbsentReason}
_KINDS: Final = {int(kind): kind for kind in HolderKind}


def fields_of(value: Any) -> Any:
    """What JSON itself has no form for, as JSON takes it: `json.dumps` asks for it."""
    match value:
        case Absent(reason):
            return reason
        case frozenset():
            return sorted(map(fields_of, value))
        case Holder(kind, name, label):
            return [kind, name, label]
        case PastUse(span_ms, utilisation_ppm):
            return [span_ms, utilisation_ppm]
        case HolderWork(holder, sm_ppm):
            return [holder.kind, holder.name, sm_ppm]
    told = {name: getattr(value, name) for name in value.__slots__}
    told = {name: one for name, one in told.items() if one or name not in LATER}
    if "detail" in told:
        told["detail"] = told["detail"][:TEXT_CHARACTERS_MAX]
    return told


def reader_of(kind: Any, limits: Limits, name: str = "") -> Reader:
    """What reads a value of a kind; `name` is the field it stands in."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        seen = next(part for part in parts if part is not Absent)
        return partial(_or_absent, reader_of(seen, limits, name))
    if origin in (tuple, frozenset):
        return partial(_many, origin, reader_of(parts[0], limits))
    if kind in _ROWS:
        return partial(_row, *_ROWS[kind])
    if kind is int:
        return partial(_integer, *limits.get(name, (0, None)))
    if kind is str:
        return _text
    if issubclass(kind, Enum):
        return partial(_member, {member.value: member for member in kind})
    hints = get_type_hints(kind)
    readers = {one.name: reader_of(hints[one.name], limits, one.name) for one in fields(kind)}
    return partial(_object, kind, readers)


def _object(kind: Callable[..., object], readers: Mapping[str, Reader], value: object) -> object:
    if not isinstance(value, dict):
        raise expected("对象", "an object", value)
    told = {}
    for name, read in readers.items():
        if name not in value:
            if name in LATER:
                continue
            raise LinkError(MISSING, f".{name}")
        try:
            told[name] = read(value[name])
        except LinkError as error:
            raise error.within(f".{name}") from error
    if len(told) != len(value):
        raise LinkError(NO_SUCH_FIELD, f".{min(value.keys() - told.keys())}")
    try:
        return kind(**told)
    except ValueError as error:
        raise LinkError(f"值不合规定。The value cannot be: {error}") from error


def _or_absent(read: Reader, value: object) -> object:
    return _member(_REASONS, value) if isinstance(value, str) else read(value)


def _many(build: Callable[[Iterable[object]], object], read: Reader, value: object) -> object:
    if not isinstance(value, list):
        raise expected("列表", "a list", value)
    found = []
    for place, one in enumerate(value):
        try:
            found.append(read(one))
        except LinkError as error:
            raise error.within(f"[{place}]") from error
    return build(found)


def _row(form: str, build: Callable[..., object], value: object) -> object:
    if not isinstance(value, list):
        raise expected(f" {form}", form, value)
    try:
        return build(*value)
    except (ValueError, TypeError, KeyError) as error:
        raise expected(f" {form}", form, value) from error


def _integer(least: int | None, most: int | None, value: object) -> int:
    if type(value) is not int:
        raise expected("整数", "an integer", value)
    if least is not None and value < least:
        raise expected(f"不小于 {least} 的整数", f"an integer of at least {least}", value)
    if most is not None and value > most:
        raise expected(f"不大于 {most} 的整数", f"an integer of at most {most}", value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        raise expected_text(value, TEXT_CHARACTERS_MAX)
    return value


def _member(members: Mapping[Any, object], value: object) -> object:
    if type(value) not in (int, str) or value not in members:
        raise expected("已知的数或词", "a known number or word", value)
    return members[value]


def _holder(kind: object, name: object, label: object) -> Holder:
    if type(kind) is not int or not isinstance(name, str) or not isinstance(label, str) or not name:
        raise ValueError("a holder is a kind, a name and a label")
    return Holder(_KINDS[kind], name, label)


def _past(span_ms: object, utilisation_ppm: Any) -> PastUse:
    if isinstance(utilisation_ppm, str):
        return PastUse(_integer(1, None, span_ms), _REASONS[utilisation_ppm])
    return PastUse(_integer(1, None, span_ms), _integer(0, None, utilisation_ppm))


def _work(kind: object, name: object, sm_ppm: object) -> HolderWork:
    return HolderWork(_holder(kind, name, ""), _integer(0, None, sm_ppm))


_ROWS: Final[dict[Any, tuple[str, Callable[..., object]]]] = {
    Holder: ("[kind, name, label]", _holder),
    PastUse: ("[ms, ppm or reason]", _past),
    HolderWork: ("[kind, name, ppm]", _work),
}
