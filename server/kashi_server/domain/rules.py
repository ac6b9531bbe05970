"""Rules: the parameters of a funding programme, one dated, immutable, hashed version at a time.

Each parameter is *published* (its source is named), *decided* (by the office: two officers, a date,
a reason, a document) or *unknown*. An unknown has no value: nothing is invented for it, and a step
that needs it can give an estimate at most. The hash is over canonical data, so comments and spacing
of the file do not matter and every value does.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from itertools import zip_longest

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import Interval
from kashi_server.domain.money import parse_decimal, parse_yuan
from kashi_server.domain.parameters import NONE, PARAMETERS, Value, check_value
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.errors import InvalidValue

FORMAT = "kashi/v1/rules"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class ParameterState(StrEnum):
    """How a parameter is known."""

    PUBLISHED = "published"
    DECIDED = "decided"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How the office decided a parameter."""

    officers: tuple[str, str]
    decided_on: str
    reason: str
    document: str

    def __post_init__(self) -> None:
        """Two officers are two people, and all of it is said."""
        if not all((*self.officers, self.decided_on, self.reason, self.document)):
            raise InvalidValue(
                "决定须写明两名经办人、日期、理由与文号。"
                "a decision names two officers, its date, reason and document"
            )
        if self.officers[0] == self.officers[1]:
            raise InvalidValue(
                "决定须由两名不同的经办人作出。a decision needs two different officers"
            )
        if _DAY.fullmatch(self.decided_on) is None:
            raise InvalidValue(
                f"decided_on“{self.decided_on}”不是日期；写法如 2026-11-20。"
                f"decided_on '{self.decided_on}' is no day like 2026-11-20"
            )
        try:
            date.fromisoformat(self.decided_on)
        except ValueError as error:
            raise InvalidValue(
                f"decided_on“{self.decided_on}”在日历上不存在。"
                f"decided_on '{self.decided_on}' is on no calendar"
            ) from error

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "officers": list(self.officers),
            "decided_on": self.decided_on,
            "reason": self.reason,
            "document": self.document,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a rules version."""

    name: str
    state: ParameterState
    value: Value | None = None
    source: str | None = None
    confidence: str | None = None
    decision: Decision | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        """Published names its source, decided its decision, unknown has no value."""
        if self.name not in PARAMETERS:
            raise InvalidValue(f"没有参数“{self.name}”。there is no parameter '{self.name}'")
        if self.state is ParameterState.UNKNOWN:
            if self.value is not None:
                raise InvalidValue(
                    f"{self.name} 为未知，不得有值。"
                    f"{self.name} is unknown and must not have a value"
                )
            return
        if self.value is None:
            raise InvalidValue(
                f"{self.name} 的状态为 {self.state}，须有值。"
                f"{self.name} is {self.state} and needs a value"
            )
        check_value(self.name, self.value)
        if self.state is ParameterState.PUBLISHED and not self.source:
            raise InvalidValue(
                f"{self.name} 为已公布，须写明出处。"
                f"{self.name} is published and must name its source"
            )
        if self.state is ParameterState.DECIDED and self.decision is None:
            raise InvalidValue(
                f"{self.name} 为已决定，须写明由谁、何时、因何决定。"
                f"{self.name} is decided and must tell by whom, when and why"
            )

    @property
    def value_text(self) -> str | None:
        """The value as people read it."""
        match self.value:
            case None:
                return None
            case bool():
                return "true" if self.value else "false"
            case tuple():
                return "; ".join(self.value)
            case _:
                return str(self.value)

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "name": self.name,
            "state": str(self.state),
            "value": list(self.value) if isinstance(self.value, tuple) else self.value,
            "source": self.source,
            "confidence": self.confidence,
            "decision": None if self.decision is None else self.decision.to_data(),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesVersion:
    """A version of a programme's rules. `in_force` in UTC minutes, half-open."""

    programme_id: str
    version: str
    name_zh: str
    name_en: str
    document: str
    in_force: Interval
    parameters: tuple[Parameter, ...]
    ended: Decision | None = None
    """By whom, when and why it was decided that these rules end before their own date."""
    by_name: Mapping[str, Parameter] = field(init=False, repr=False, compare=False)
    """The same, to be found at once: an evaluation asks a hundred times."""

    def __post_init__(self) -> None:
        """Refuse a parameter given twice; keep them in order of name."""
        names = [parameter.name for parameter in self.parameters]
        for name in names:
            if names.count(name) > 1:
                raise InvalidValue(f"参数 {name} 写了两次。the parameter {name} is given twice")
        ordered = tuple(sorted(self.parameters, key=lambda parameter: parameter.name))
        object.__setattr__(self, "parameters", ordered)
        object.__setattr__(self, "by_name", {one.name: one for one in ordered})

    def parameter(self, name: str) -> Parameter:
        """A parameter; one the version does not speak of is unknown."""
        found = self.by_name.get(name)
        return found or Parameter(name=name, state=ParameterState.UNKNOWN)

    def ratio(self, name: str) -> Fraction | None:
        """A ratio; None where unknown or "none"."""
        value = self.parameter(name).value
        return parse_decimal(value) if isinstance(value, str) and value != NONE else None

    def fen(self, name: str) -> int | None:
        """An amount in fen; None where unknown or "none"."""
        value = self.parameter(name).value
        return parse_yuan(value) if isinstance(value, str) and value != NONE else None

    def truth(self, name: str) -> bool | None:
        """A yes or no; None where unknown."""
        value = self.parameter(name).value
        return value if isinstance(value, bool) else None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of every unknown parameter."""
        return tuple(p.name for p in self.parameters if p.state is ParameterState.UNKNOWN)

    def to_data(self) -> dict[str, object]:
        """Plain data in the format `kashi/v1/rules`."""
        end = None if self.in_force.end is None else shanghai_text(self.in_force.end)
        ended = {} if self.ended is None else {"ended": self.ended.to_data()}
        return ended | {
            "format": FORMAT,
            "programme_id": self.programme_id,
            "version": self.version,
            "name_zh": self.name_zh,
            "name_en": self.name_en,
            "document": self.document,
            "in_force": {"start": shanghai_text(self.in_force.start), "end": end},
            "parameters": [parameter.to_data() for parameter in self.parameters],
        }

    def to_bytes(self) -> bytes:
        """Canonical bytes: these are stored and hashed."""
        return canonical_bytes(self.to_data())

    @property
    def sha256(self) -> str:
        """Hash of the canonical bytes, in hexadecimal."""
        return sha256(self.to_bytes()).hexdigest()


def in_turn(versions: Iterable[RulesVersion]) -> list[tuple[RulesVersion, Interval]]:
    """Versions of a programme by their beginning, each with the time in which it holds.

    A version that has begun only ends: by its own date, or where a later one begins. What a later
    one ended does not come back when that one ends: from then on no rules are in force.
    """
    ordered = sorted(versions, key=lambda version: version.in_force.start)
    held = []
    for version, later in zip_longest(ordered, ordered[1:]):
        start = version.in_force.start
        until = Interval(start, None) if later is None else _before(start, later.in_force.start)
        both = None if until is None else until.overlap(version.in_force)
        if both is not None:
            held.append((version, both))
    return held


def _before(start: int, end: int) -> Interval | None:
    return Interval(start, end) if start < end else None


def version_at(versions: Iterable[RulesVersion], minute: int) -> RulesVersion | None:
    """The version of a programme in force at a UTC minute, or None: no rules are in force."""
    begun = (version for version in versions if version.in_force.start <= minute)
    last = max(begun, key=lambda version: version.in_force.start, default=None)
    return last if last is not None and minute in last.in_force else None


def version_over(versions: Iterable[RulesVersion], period: Interval) -> RulesVersion | None:
    """The version a period is estimated by: of those in force in it the one that begins last."""
    held = [version for version, during in in_turn(versions) if during.overlap(period) is not None]
    return held[-1] if held else None
