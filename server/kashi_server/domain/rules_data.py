"""Reading rules: from stored canonical data, and from TOML with every mistake and its line."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from kashi_server.domain.interval import Interval, minute_of
from kashi_server.domain.parameters import PARAMETERS, check_value
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
from kashi_server.errors import InvalidValue

HEAD = {
    "programme_id": str,
    "version": str,
    "name_zh": str,
    "name_en": str,
    "document": str,
    "in_force_from": datetime,
    "in_force_until": datetime,
}
_OPTIONAL = {"in_force_until"}
_PARAMETER = {"name", "state", "value", "source", "confidence", "decision", "note"}
_DECISION = {"officers", "decided_on", "reason", "document"}
CONFIDENCES = ("official", "news", "second_hand", "house")


def rules_of_data(data: Mapping[str, object]) -> RulesVersion:
    """A version from its canonical data.

    Raises:
        InvalidValue: the data is not of this format.
    """
    match data:
        case {
            "programme_id": str(programme_id),
            "version": str(version),
            "name_zh": str(name_zh),
            "name_en": str(name_en),
            "document": str(document),
            "in_force": {"start": str(start), "end": str() | None as end},
            "parameters": list(parameters),
        }:
            return RulesVersion(
                programme_id=programme_id,
                version=version,
                name_zh=name_zh,
                name_en=name_en,
                document=document,
                in_force=Interval(_minute(start), None if end is None else _minute(end)),
                parameters=tuple(parameter_of_data(parameter) for parameter in parameters),
                ended=decision_of_data(data.get("ended")),
            )
    raise InvalidValue(
        "这不是 kashi/v1/rules 格式的内容。this is not data of the format kashi/v1/rules"
    )


def _minute(text: str) -> int:
    return minute_of(datetime.fromisoformat(text))


def parameter_of_data(data: Mapping[str, object]) -> Parameter:
    """A parameter from plain data.

    Raises:
        InvalidValue: there is no such parameter, or it is not what that parameter needs.
    """
    name, value = str(data["name"]), data.get("value")
    source, confidence, note = data.get("source"), data.get("confidence"), data.get("note")
    try:
        state = ParameterState(str(data["state"]))
    except ValueError as error:
        raise InvalidValue(
            f"“{data['state']}”不是 published、decided 或 unknown。"
            f"'{data['state']}' is not published, decided or unknown"
        ) from error
    if confidence is not None and confidence not in CONFIDENCES:
        raise InvalidValue(
            f"“{confidence}”不是 {', '.join(CONFIDENCES)} 之一。"
            f"'{confidence}' is none of {', '.join(CONFIDENCES)}"
        )
    return Parameter(
        name=name,
        state=state,
        value=None if value is None else check_value(name, value),
        source=None if source is None else str(source),
        confidence=None if confidence is None else str(confidence),
        decision=decision_of_data(data.get("decision")),
        note=None if note is None else str(note),
    )


def decision_of_data(data: object) -> Decision | None:
    """By whom, when and why something was decided; None: it was not.

    Raises:
        InvalidValue: part of it is missing, or the two officers are one.
    """
    match data:
        case None:
            return None
        case {
            "officers": [str(first), str(second)],
            "decided_on": str() | date() as decided_on,
            "reason": str(reason),
            "document": str(document),
        }:
            return Decision(
                officers=(first, second),
                decided_on=str(decided_on),
                reason=reason,
                document=document,
            )
    raise InvalidValue(
        "决定须写明两名经办人、decided_on、理由与文号。"
        "a decision names two officers, decided_on, reason and document"
    )


def load_rules(text: str, file: str) -> RulesVersion:
    """A version from a TOML file.

    Raises:
        MistakesFound: every mistake with its line and field.
    """
    document = parse_positioned(text, file)
    mistakes = [*_head_mistakes(document), *_parameter_mistakes(document)]
    if mistakes:
        raise MistakesFound(mistakes)
    content = document.content
    until = content.get("in_force_until")
    try:
        in_force = Interval(
            minute_of(_instant(content["in_force_from"])),
            None if until is None else minute_of(_instant(until)),
        )
    except InvalidValue as error:
        raise MistakesFound([document.mistake(("in_force_from",), str(error))]) from error
    tables = content["parameter"]
    try:
        return RulesVersion(
            programme_id=str(content["programme_id"]),
            version=str(content["version"]),
            name_zh=str(content["name_zh"]),
            name_en=str(content["name_en"]),
            document=str(content["document"]),
            in_force=in_force,
            parameters=tuple(parameter_of_data(table) for table in _tables(tables)),
        )
    except InvalidValue as error:
        raise MistakesFound([document.mistake(("parameter",), str(error))]) from error


def _instant(value: object) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidValue(
            "请写带时区的时间，如 2024-12-18T00:00:00+08:00。"
            "write an instant with its offset, like 2024-12-18T00:00:00+08:00"
        )
    if value.utcoffset() not in (timedelta(0), timedelta(hours=8)):
        raise InvalidValue(
            f"{value.isoformat()} 既非 UTC，也非 +08:00。"
            f"{value.isoformat()} is neither UTC nor +08:00"
        )
    return value


def _tables(value: object) -> Iterator[Mapping[str, object]]:
    for table in value if isinstance(value, list) else ():
        if isinstance(table, dict):
            yield table


def _head_mistakes(document: Positioned) -> Iterator[Mistake]:
    for name, kind in HEAD.items():
        value = document.content.get(name)
        if value is None:
            if name not in _OPTIONAL:
                yield document.mistake((name,), IS_MISSING)
        elif not isinstance(value, kind) or value == "":
            yield document.mistake(
                (name,), f"{value!r} 不是此处应填的内容。{value!r} is not what belongs here"
            )
        elif isinstance(value, datetime):
            yield from _checked(document, (name,), _instant, value)
    for name in document.content:
        if name not in HEAD and name != "parameter":
            yield document.mistake((name,), NO_SUCH_FIELD)
    if not isinstance(document.content.get("parameter"), list):
        yield document.mistake(("parameter",), "没有 [[parameter]]。there is no [[parameter]]")


def _checked(
    document: Positioned, path: Path, check: Callable[[Any], object], value: object
) -> Iterator[Mistake]:
    try:
        check(value)
    except InvalidValue as error:
        yield document.mistake(path, str(error))


def _parameter_mistakes(document: Positioned) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, table in enumerate(_tables(document.content.get("parameter"))):
        path: Path = ("parameter", index)
        for name in table.keys() - _PARAMETER:
            yield document.mistake((*path, name), NO_SUCH_FIELD)
        missing = [name for name in ("name", "state") if not isinstance(table.get(name), str)]
        for name in missing:
            yield document.mistake((*path, name), IS_MISSING)
        if missing:
            continue
        if table["name"] in seen:
            yield document.mistake(
                (*path, "name"), f"{table['name']} 写了两次。{table['name']} is given twice"
            )
        seen.add(str(table["name"]))
        yield from _checked(document, (*path, _culprit(table)), parameter_of_data, table)


def _culprit(table: Mapping[str, object]) -> str:
    """The field to look at first when a parameter is refused."""
    if table["name"] not in PARAMETERS:
        return "name"
    if table["state"] not in set(ParameterState):
        return "state"
    if "confidence" in table and table["confidence"] not in CONFIDENCES:
        return "confidence"
    if "decision" in table or table["state"] == ParameterState.DECIDED:
        return "decision"
    if table["state"] == ParameterState.PUBLISHED and not table.get("source"):
        return "source"
    return "value"
