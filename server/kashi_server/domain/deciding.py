"""Decision records: how an office settles what no text says, as a new version of the rules.

A record names the version it builds on and, for each parameter, the value, two officers, the day,
the reason and the document. It may settle what is unknown or decided; what is published it may not
touch: a text is changed by whoever published it. Where a text was repealed before its own date and
nothing follows it, an ending says so: the version that it makes carries the rules on to an earlier
end, and from then on none are in force.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from kashi_server.domain.interval import Interval, minute_of
from kashi_server.domain.positioned import (
    IS_MISSING,
    NO_SUCH_FIELD,
    Mistake,
    MistakesFound,
    Path,
    Positioned,
    parse_positioned,
)
from kashi_server.domain.rules import Decision, Parameter, ParameterState, RulesVersion
from kashi_server.domain.rules_data import decision_of_data, parameter_of_data
from kashi_server.errors import InvalidValue, Refused

_HEAD: Final = ("programme_id", "base_version", "version")
_FROM: Final = "in_force_from"
_UNTIL: Final = "in_force_until"
_ENDING: Final = "ending"
_FIELDS: Final = {"name", "value", "officers", "decided_on", "reason", "document"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What was decided, on which version, and from when it holds (UTC minute)."""

    programme_id: str
    base_version: str
    version: str
    from_minute: int
    parameters: tuple[Parameter, ...]
    ending: "Ending | None" = None

    def __post_init__(self) -> None:
        """A record decides something, and makes another version."""
        if not self.parameters and self.ending is None:
            raise InvalidValue("决定记录没有决定任何参数。the record decides nothing")
        if self.version == self.base_version:
            raise InvalidValue("新版本须有自己的名称。the new version needs a name of its own")

    @property
    def officers(self) -> tuple[str, ...]:
        """Everybody who decided something in it."""
        decisions = [one for _name, one in self.decisions]
        return tuple(dict.fromkeys(login for one in decisions for login in one.officers))

    @property
    def decisions(self) -> tuple[tuple[str, Decision], ...]:
        """Each decision with what it is about: a parameter, or the end."""
        found = [(one.name, one.decision) for one in self.parameters if one.decision is not None]
        ends = [] if self.ending is None else [(_UNTIL, self.ending.decision)]
        return (*found, *ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """That rules end at a UTC minute, before their own date, and who decided it."""

    until_minute: int
    decision: Decision


def load_decisions(text: str, file: str) -> DecisionRecord:
    """A decision record from a TOML file.

    Raises:
        MistakesFound: every mistake with its line and field.
    """
    document = parse_positioned(text, file)
    mistakes = [*_head_mistakes(document)]
    parameters = []
    for place, table in enumerate(_decisions(document)):
        try:
            parameters.append(_decided(table))
        except InvalidValue as error:
            mistakes.append(document.mistake(("decision", place), str(error)))
    if mistakes:
        raise MistakesFound(mistakes)
    content = document.content
    try:
        ending = _ending(content.get(_ENDING))
    except InvalidValue as error:
        raise MistakesFound([document.mistake((_ENDING,), str(error))]) from error
    try:
        return DecisionRecord(
            programme_id=str(content["programme_id"]),
            base_version=str(content["base_version"]),
            version=str(content["version"]),
            from_minute=_minute(content[_FROM]),
            parameters=tuple(parameters),
            ending=ending,
        )
    except InvalidValue as error:
        raise MistakesFound([document.mistake((), str(error))]) from error


def decide(base: RulesVersion, record: DecisionRecord) -> RulesVersion:
    """The version a record makes of the one it builds on.

    Raises:
        InvalidValue: it builds on another version, begins or ends outside it, or touches what is
            published.
    """
    if (base.programme_id, base.version) != (record.programme_id, record.base_version):
        raise InvalidValue(
            f"决定记录基于 {record.programme_id} {record.base_version}，"
            f"而不是 {base.programme_id} {base.version}。"
            f"the record builds on {record.programme_id} {record.base_version},"
            f" not on {base.programme_id} {base.version}"
        )
    if record.from_minute not in base.in_force:
        raise InvalidValue(
            f"{_FROM} 不在版本 {base.version} 的有效期内。"
            f"{_FROM} lies outside what version {base.version} is in force for"
        )
    for one in record.parameters:
        if base.parameter(one.name).state is ParameterState.PUBLISHED:
            raise InvalidValue(
                f"{one.name} 已由版本 {base.version} 公布；决定不能改变它。"
                f"{one.name} is published in version {base.version}; a decision cannot change it"
            )
    settled = {one.name for one in record.parameters}
    kept = tuple(one for one in base.parameters if one.name not in settled)
    return replace(
        base,
        version=record.version,
        in_force=_in_force(base, record),
        parameters=kept + record.parameters,
        ended=base.ended if record.ending is None else record.ending.decision,
    )


def _in_force(base: RulesVersion, record: DecisionRecord) -> Interval:
    """From the record's day to the end of the version, or to the earlier end that it states."""
    end = base.in_force.end
    if record.ending is None:
        return Interval(record.from_minute, end)
    until = record.ending.until_minute
    if until <= record.from_minute or (end is not None and until >= end):
        raise InvalidValue(
            f"{_ENDING} 的 {_UNTIL} 须晚于 {_FROM}，且早于版本 {base.version} 原定的失效时间；"
            "已施行的规则只能提前终止，不能延长。"
            f"{_UNTIL} of {_ENDING} must lie after {_FROM} and before the end that version"
            f" {base.version} has: rules that have begun can only be ended, never prolonged"
        )
    return Interval(record.from_minute, until)


def check_days(record: DecisionRecord, today: date) -> None:
    """Refuse what is said to be decided on a day that has not come.

    Args:
        record: the record.
        today: the day of Asia/Shanghai, by the server's clock.

    Raises:
        Refused: a decision lies ahead; the message names it.
    """
    for name, decision in record.decisions:
        if decision.decided_on > today.isoformat():
            raise Refused(
                f"{name} 写明于 {decision.decided_on} 决定，"
                f"而今天是 {today}；请在决定作出后登记，或核对日期（及服务器时钟）。"
                f"{name} is said to be decided on {decision.decided_on}, and today is"
                f" {today}: register it when it is decided, or check the day (and the clock)"
            )


def _decisions(document: Positioned) -> Iterator[Mapping[str, object]]:
    tables = document.content.get("decision")
    for table in tables if isinstance(tables, list) else ():
        if isinstance(table, Mapping):
            yield table


def _decided(table: Mapping[str, object]) -> Parameter:
    for name in sorted(table.keys() - _FIELDS):
        raise InvalidValue(f"没有字段“{name}”。there is no field '{name}'")
    if not isinstance(table.get("name"), str) or "value" not in table:
        raise InvalidValue(
            "决定须写明参数名称及其值。a decision needs the name of a parameter and its value"
        )
    decision = {name: table.get(name) for name in _FIELDS - {"name", "value"}}
    return parameter_of_data(
        {
            "name": table["name"],
            "state": str(ParameterState.DECIDED),
            "value": table["value"],
            "decision": decision,
        }
    )


def _ending(table: object) -> Ending | None:
    if table is None:
        return None
    if not isinstance(table, Mapping) or _UNTIL not in table:
        raise InvalidValue(
            f"请写作 [{_ENDING}]，并写明 {_UNTIL}。write it as [{_ENDING}], with {_UNTIL}"
        )
    decided = {name: value for name, value in table.items() if name != _UNTIL}
    for name in sorted(decided.keys() - (_FIELDS - {"name", "value"})):
        raise InvalidValue(f"没有字段“{name}”。there is no field '{name}'")
    decision = decision_of_data(decided)
    assert decision is not None
    return Ending(until_minute=_minute(table[_UNTIL]), decision=decision)


def _head_mistakes(document: Positioned) -> Iterator[Mistake]:
    content = document.content
    for name in _HEAD:
        if not isinstance(content.get(name), str) or not content[name]:
            yield document.mistake((name,), IS_MISSING)
    path: Path = (_FROM,)
    try:
        _minute(content.get(_FROM))
    except InvalidValue as error:
        yield document.mistake(path, str(error))
    for name in content.keys() - {*_HEAD, _FROM, "decision", _ENDING}:
        yield document.mistake((name,), NO_SUCH_FIELD)


def _minute(value: object) -> int:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidValue(
            "请写带时区的时间，如 2026-12-18T00:00:00+08:00。"
            "write an instant with its offset, like 2026-12-18T00:00:00+08:00"
        )
    return minute_of(value)
