"""Strict reading of one JSON line: every field asked for by name, none left over.

Errors name the path of the field (`batch.samples[3].seen.power_mw`), what was expected and what
stood there. JSON's looseness is shut out: no floats where integers are meant, no booleans as
integers, no field twice, no NaN.
"""

import json
from collections.abc import Container, Mapping, Sequence
from typing import Final, Self, TypeVar

from kashi_agent.errors import MeterError

TEXT_CHARACTERS_MAX = 1024
"""Any text on the line; what is reported onwards is cut to the contract's own limit."""

Word = TypeVar("Word")

_PLAIN: Final = frozenset({int, str})
"""No booleans: to Python True is 1."""


class LinkError(MeterError, ValueError):
    """A line between meter and agent is not what it must be; the message names the field."""


class Fields:
    """The fields of one JSON object, taken out one by one; `done` refuses what is left."""

    __slots__ = ("_left", "path")

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise LinkError(f"{path or 'line'}: expected an object, got {_brief(value)}")
        self._left = value
        self.path = path

    @classmethod
    def of_line(cls, line: bytes, bytes_max: int) -> Self:
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
        return cls(value, "")

    def only(self) -> tuple[str, Self]:
        """The single field of the object, itself an object: the line's kind and its content."""
        if len(self._left) != 1:
            raise LinkError(f"line: expected one field that names its kind, got {len(self._left)}")
        name, value = self._left.popitem()
        return name, type(self)(value, name)

    def integer(self, name: str, least: int | None = 0) -> int:
        """An integer of at least `least`."""
        value = self._take(name)
        if type(value) is not int:
            raise self._wrong(name, "an integer", value)
        if least is not None and value < least:
            raise self._wrong(name, f"an integer of at least {least}", value)
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if type(value) is not bool:
            raise self._wrong(name, "true or false", value)
        return value

    def refuse(self, name: str, why: str) -> LinkError:
        """The error for a field whose value cannot be what it says."""
        return LinkError(f"{self._path(name)}: {why}")

    def member(self, name: str, members: Container[int]) -> int:
        """An integer out of a known set."""
        value = self.integer(name)
        if value not in members:
            raise self._wrong(name, "a known number", value)
        return value

    def text(self, name: str, characters_max: int) -> str:
        """Text of a bounded length."""
        value = self._take(name)
        if not isinstance(value, str):
            raise self._wrong(name, "text", value)
        if len(value) > characters_max:
            raise self._wrong(name, f"at most {characters_max} characters", value)
        return value

    def word(self, name: str, words: Container[str]) -> str:
        """Text out of a known set."""
        value = self._take(name)
        if not isinstance(value, str) or value not in words:
            raise self._wrong(name, "a known word", value)
        return value

    def word_or_none(self, name: str, words: Container[str]) -> str | None:
        """Text out of a known set; None, leaving the field, when it is not text at all."""
        return self.word(name, words) if isinstance(self._left.get(name), str) else None

    def integer_or_word(self, name: str, words: Mapping[str, Word]) -> int | Word:
        """An integer of at least 0, or what a known word stands for."""
        value = self._left.get(name)
        if type(value) is int and value >= 0:
            del self._left[name]
            return value
        return words[self.word(name, words)] if isinstance(value, str) else self.integer(name)

    @property
    def key(self) -> tuple[object, ...] | None:
        """What is left, to remember it by: equal keys are equal texts on the line. None where there
        is more than texts and integers."""
        values = tuple(self._left.values())
        kinds = tuple(map(type, values))
        return (*self._left, *values) if _PLAIN.issuperset(kinds) else None

    def inner(self, name: str) -> Self:
        """An object."""
        return type(self)(self._take(name), self._path(name))

    def array(self, name: str) -> Sequence[object]:
        """A list."""
        value = self._take(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def objects(self, name: str) -> list[Self]:
        """A list of objects."""
        return [
            type(self)(value, f"{self._path(name)}[{place}]")
            for place, value in enumerate(self.array(name))
        ]

    def done(self) -> None:
        """Refuse fields nobody asked for."""
        if self._left:
            raise LinkError(f"{self._path(min(self._left))}: no such field")

    def _take(self, name: str) -> object:
        try:
            value: object = self._left.pop(name)
        except KeyError:
            raise LinkError(f"{self._path(name)}: missing") from None
        return value

    def _path(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _wrong(self, name: str, expected: str, value: object) -> LinkError:
        return LinkError(f"{self._path(name)}: expected {expected}, got {_brief(value)}")


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose fields each stand once."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise LinkError("line: a field stands twice in one object")
    return fields


def _no_float(text: str) -> int:
    """Nothing that is measured travels as a float."""
    raise LinkError(f"line: {text} is not an integer")


def _brief(value: object) -> str:
    """A value as an error shows it, cut."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
