"""Cases as files: TOML or JSON, read with every mistake and its line; and their published schema.

The fields of a file are those of `Case`: amounts in yuan as text (`contract_yuan`), card-hours and
ratios as decimal text, dates as TOML dates or ISO text. Reader and schema go over the same types,
so they cannot part.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.money import parse_decimal, parse_yuan
from kashi_server.domain.positioned import (
    IS_MISSING,
    NO_SUCH_FIELD,
    Mistake,
    MistakesFound,
    Path,
    Positioned,
    parse_positioned,
)
from kashi_server.errors import InvalidValue

FORMAT: Final = "kashi/v1/case"
_Number = TypeVar("_Number", int, Fraction)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_YUAN: Final = r"^(0|[1-9]\d{0,14})(\.\d{1,2})?$"
_DECIMAL: Final = r"^(0|[1-9]\d{0,14})(\.\d{1,8})?$"


def load_case(text: str, file: str) -> Case:
    """A case from a file; JSON where its name ends so, TOML otherwise.

    Raises:
        MistakesFound: every mistake with its line (a JSON file's: line 1) and field.
    """
    return _case(_json(text, file) if file.endswith(".json") else parse_positioned(text, file))


def _case(document: Positioned) -> Case:
    content = dict(document.content)
    found = _Reading(document)
    if content.pop("format", FORMAT) != FORMAT:
        found.mistake(("format",), f"须为 {FORMAT}。must be {FORMAT}")
    case = found.value(Case, content, ())
    if found.mistakes:
        raise MistakesFound(found.mistakes)
    assert isinstance(case, Case)
    return case


def case_of_data(data: Mapping[str, object], where: str) -> Case:
    """A case from the plain data that `case_to_data` wrote; `where` names it in what is told.

    Raises:
        MistakesFound: the data is not of this format.
    """
    return _case(Positioned(where, dict(data)))


def _json(text: str, file: str) -> Positioned:
    try:
        content = json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise MistakesFound(
            [
                Mistake(
                    file=file,
                    line=error.lineno,
                    field="",
                    message=f"不是 JSON。not JSON: {error.msg}",
                )
            ]
        ) from error
    except (ValueError, RecursionError) as error:
        # Numbers without end, brackets within brackets, half a character.
        raise MistakesFound(
            [Mistake(file=file, line=1, field="", message=f"无法读取。cannot be read: {error}")]
        ) from error
    if not isinstance(content, dict):
        raise MistakesFound(
            [Mistake(file=file, line=1, field="", message="不是 JSON 对象。not a JSON object")]
        )
    return Positioned(file, content)


@dataclass(slots=True)
class _Reading:
    """One reading of a document; a value that is none is None, and a mistake is noted."""

    document: Positioned
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, path: Path, message: str) -> None:
        self.mistakes.append(self.document.mistake(path, message))

    def value(self, kind: Any, raw: object, path: Path) -> Any:
        try:
            return self._value(kind, raw, path)
        except (InvalidValue, ValueError) as error:
            self.mistake(path, str(error))
            return None

    def _value(self, kind: Any, raw: object, path: Path) -> Any:
        if is_dataclass(kind) and isinstance(raw, Mapping):
            return self._table(kind, raw, path)
        if get_origin(kind) is tuple and isinstance(raw, list):
            (inner, _) = get_args(kind)
            return tuple(self.value(inner, one, (*path, n)) for n, one in enumerate(raw))
        if get_origin(kind) is dict and isinstance(raw, Mapping):
            return {name: self.value(int, one, (*path, name)) for name, one in raw.items()}
        return _scalar(kind, raw, path)

    def _table(self, kind: Any, raw: Mapping[str, object], path: Path) -> Any:
        known = _known_fields(kind)
        for name in raw.keys() - known.keys():
            self.mistake((*path, name), NO_SUCH_FIELD)
        before = len(self.mistakes)
        values = {}
        for name, (one, inner) in known.items():
            if name in raw:
                values[one.name] = self.value(inner, raw[name], (*path, name))
            elif _required(one):
                self.mistake((*path, name), IS_MISSING)
        return kind(**values) if len(self.mistakes) == before else None


def _scalar(kind: Any, raw: object, path: Path) -> Any:
    name = str(path[-1]) if path else ""
    match raw:
        case str() if kind is int and name.endswith("_yuan"):
            return _not_negative(parse_yuan(raw), raw)
        case str() if kind is Fraction:
            return _not_negative(parse_decimal(raw), raw)
        case str() if kind is date and _DAY.fullmatch(raw):
            return date.fromisoformat(raw)
        case str() if kind is str and raw:
            return raw
        case bool() if kind is bool:
            return raw
        case int() if kind is int and not isinstance(raw, bool) and not name.endswith("_yuan"):
            return _not_negative(raw, str(raw))
        case date() if kind is date and not isinstance(raw, datetime):
            return raw
    zh, en = _example(kind, name)
    raise InvalidValue(
        f"{raw!r} 不是此处应填的内容，应为{zh}。{raw!r} is not what belongs here: {en}"
    )


def _not_negative(value: _Number, raw: str) -> _Number:
    if value < 0:
        raise InvalidValue(f"{raw} 为负数。{raw} is negative")
    return value


def _example(kind: Any, name: str) -> tuple[str, str]:
    if name.endswith("_yuan"):
        return '以文字写的元数，如 "780000.00"', 'yuan as text, like "780000.00"'
    return {
        Fraction: ('以文字写的小数，如 "41250.5000"', 'a decimal as text, like "41250.5000"'),
        date: ("日期，如 2026-05-06", "a date, like 2026-05-06"),
        bool: ("true 或 false", "true or false"),
        int: ("整数", "a whole number"),
        str: ("非空文字", "text that is not empty"),
    }.get(kind, ("表或表的列表", "a table or a list of tables"))


def _file_fields(kind: Any) -> Iterator[tuple[str, tuple[Field[Any], Any]]]:
    """Names in a file, with the field and what it holds where it is given."""
    hints = get_type_hints(kind)
    for one in fields(kind):
        yield file_name(one.name), (one, _given(hints[one.name]))


@cache
def _known_fields(kind: Any) -> dict[str, tuple[Field[Any], Any]]:
    """The same by name, looked up once: a year's replay reads a case for each statement."""
    return dict(_file_fields(kind))


def file_name(field_name: str) -> str:
    """What a file calls a field: amounts stand there in yuan."""
    name = field_name.removesuffix("_fen")
    return name if name == field_name else f"{name}_yuan"


def _given(hint: Any) -> Any:
    """`int | None` where something is given: `int`."""
    if get_origin(hint) in (UnionType, Union):
        (kind,) = (one for one in get_args(hint) if one is not NoneType)
        return kind
    return hint


def _required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def case_schema() -> dict[str, object]:
    """The JSON Schema of a case; TOML dates are read as their ISO 8601 text."""
    schema = _schema(Case, "")
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:kashi:v1:case",
        "title": "One claim, as a TOML or JSON file",
        "description": "Every fact that rules may ask for. What nobody knows is left out.",
        **schema,
        "properties": {"format": {"const": FORMAT}, **properties},
    }


def _schema(kind: Any, name: str) -> dict[str, object]:
    if is_dataclass(kind):
        known = dict(_file_fields(kind))
        return {
            "type": "object",
            "properties": {one: _schema(inner, one) for one, (_f, inner) in known.items()},
            "required": [one for one, (inner, _kind) in known.items() if _required(inner)],
            "additionalProperties": False,
        }
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _schema(get_args(kind)[0], "")}
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
    if name.endswith("_yuan"):
        return {"type": "string", "pattern": _YUAN}
    scalars: dict[Any, dict[str, object]] = {
        Fraction: {"type": "string", "pattern": _DECIMAL},
        date: {"type": "string", "format": "date", "pattern": f"^{_DAY.pattern}$"},
        bool: {"type": "boolean"},
        int: {"type": "integer", "minimum": 0},
        str: {"type": "string", "minLength": 1},
    }
    return scalars[kind]
