"""Strict reading of one JSON line: every field asked for by name, none left over.

Errors name the path of the field (`batch.samples[3].seen.power_mw`), what was expected and what
stood there. JSON's looseness is shut out: no floats where integers are meant, no booleans as
integers, no field twice, no NaN.
"""

import json
from collections.abc import Sequence
from typing import Final, Self

from kashi_agent.errors import MeterError

TEXT_CHARACTERS_MAX = 1024
"""Any text on the line; what is reported onwards is cut to the contract's own limit."""

MISSING: Final = "缺少此字段。The field is missing"
NO_SUCH_FIELD: Final = "没有此字段。There is no such field"


class LinkError(MeterError, ValueError):
    """A line between meter and agent is not what it must be; the message names the field."""

    def __init__(self, what: str, path: str = "") -> None:
        super().__init__(f"{path}: {what}" if path else what)
        self.what, self.path = what, path

    def within(self, place: str) -> Self:
        """The same error, seen from what the place stands in."""
        return type(self)(self.what, place + self.path)


def object_of(line: bytes, bytes_max: int) -> dict[str, object]:
    """The object on a line of at most `bytes_max` bytes."""
    if len(line) > bytes_max:
        raise too_long(len(line), bytes_max)
    try:
        value = json.loads(
            line.decode(),
            object_pairs_hook=_without_doubles,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except RecursionError as error:
        raise LinkError("嵌套过深。Nested too deeply", "line") from error
    except LinkError:
        raise
    except ValueError as error:
        raise LinkError(f"不是 UTF-8 的 JSON。Not JSON in UTF-8: {error}", "line") from error
    if not isinstance(value, dict):
        raise expected("对象", "an object", value, "line")
    return value


class Fields:
    """The fields of one JSON object, taken out one by one; `done` refuses what is left."""

    def __init__(self, fields: dict[str, object]) -> None:
        self._left = fields

    @classmethod
    def of_line(cls, line: bytes, bytes_max: int) -> Self:
        """The object on a line of at most `bytes_max` bytes."""
        return cls(object_of(line, bytes_max))

    def integer(self, name: str) -> int:
        """An integer of at least 0."""
        value = self._take(name)
        if type(value) is not int or value < 0:
            raise expected("不小于 0 的整数", "an integer of at least 0", value, name)
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if type(value) is not bool:
            raise expected(" true 或 false", "true or false", value, name)
        return value

    def text(self, name: str, characters_max: int) -> str:
        """Text of a bounded length."""
        value = self._take(name)
        if not isinstance(value, str) or len(value) > characters_max:
            raise expected_text(value, characters_max, name)
        return value

    def array(self, name: str) -> Sequence[object]:
        """A list."""
        value = self._take(name)
        if not isinstance(value, list):
            raise expected("列表", "a list", value, name)
        return value

    def done(self) -> None:
        """Refuse fields nobody asked for."""
        if self._left:
            raise LinkError(NO_SUCH_FIELD, min(self._left))

    def _take(self, name: str) -> object:
        if name not in self._left:
            raise LinkError(MISSING, name)
        return self._left.pop(name)


def expected(zh: str, en: str, value: object, path: str = "") -> LinkError:
    """The error for a value that is another than was expected."""
    text = repr(value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    return LinkError(f"应为{zh}，实为 {shown}。Expected {en}, got {shown}", path)


def expected_text(value: object, characters_max: int, path: str = "") -> LinkError:
    """The error for a value that is no text of a bounded length."""
    en = f"text of at most {characters_max} characters"
    return expected(f"不超过 {characters_max} 字的文本", en, value, path)


def too_long(size: int, most: int) -> LinkError:
    """The error for a line of too many bytes."""
    return LinkError(f"{size} 字节，最多 {most}。{size} bytes; at most {most} may pass", "line")


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose fields each stand once."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise LinkError("同一对象中字段重复。A field stands twice in one object", "line")
    return fields


def _no_float(text: str) -> int:
    """Nothing that is measured travels as a float."""
    raise LinkError(f"{text} 不是整数。{text} is not an integer", "line")
