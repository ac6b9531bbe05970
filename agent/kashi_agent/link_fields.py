"""Strict reading of one JSON line: every field asked for by name, none left over.

Errors name the path of the field (`batch.samples[3].seen.power_mw`), what was expected and what
stood there. JSON's looseness is shut out: no floats where integers are meant, no booleans as
integers, no field twice, no NaN.
"""

import json
from collections.abc import Sequence
from typing import Self

from kashi_agent.errors import MeterError

TEXT_CHARACTERS_MAX = 1024
"""Any text on the line; what is reported onwards is cut to the contract's own limit."""


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
        raise LinkError(f"line: {len(line)} bytes; at most {bytes_max} are read")
    try:
        value = json.loads(
            line.decode(),
            object_pairs_hook=_without_doubles,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except RecursionError as error:
        raise LinkError("line: nested too deeply") from error
    except LinkError:
        raise
    except ValueError as error:
        raise LinkError(f"line: not JSON in UTF-8: {error}") from error
    if not isinstance(value, dict):
        raise expected("an object", value, "line")
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
            raise expected("an integer of at least 0", value, name)
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if type(value) is not bool:
            raise expected("true or false", value, name)
        return value

    def text(self, name: str, characters_max: int) -> str:
        """Text of a bounded length."""
        value = self._take(name)
        if not isinstance(value, str):
            raise expected("text", value, name)
        if len(value) > characters_max:
            raise expected(f"at most {characters_max} characters", value, name)
        return value

    def array(self, name: str) -> Sequence[object]:
        """A list."""
        value = self._take(name)
        if not isinstance(value, list):
            raise expected("a list", value, name)
        return value

    def refuse(self, name: str, why: str) -> LinkError:
        """The error for a field whose value cannot be what it says."""
        return LinkError(why, name)

    def done(self) -> None:
        """Refuse fields nobody asked for."""
        if self._left:
            raise LinkError("no such field", min(self._left))

    def _take(self, name: str) -> object:
        if name not in self._left:
            raise LinkError("missing", name)
        return self._left.pop(name)


def expected(what: str, value: object, path: str = "") -> LinkError:
    """The error for a value that is another than was expected."""
    text = repr(value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    return LinkError(f"expected {what}, got {shown}", path)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose fields each stand once."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise LinkError("line: a field stands twice in one object")
    return fields


def _no_float(text: str) -> int:
    """Nothing that is measured travels as a float."""
    raise LinkError(f"line: {text} is not an integer")
