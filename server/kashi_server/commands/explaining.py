"""`explain`: one certificate from its amount down to a minute of a device, and the other way."""

import json
from datetime import datetime
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import plain
from kashi_server.domain.interval import SHANGHAI, minute_of
from kashi_server.domain.trail import Fact, Trail
from kashi_server.errors import InvalidValue
from kashi_server.services.trails import Explaining, Wanted


def explain(
    number: Annotated[
        str | None, typer.Argument(metavar="[NUMBER]", help="A certificate. 证明编号")
    ] = None,
    line: Annotated[int | None, typer.Option("--line", help="One rated line. 计费行")] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="A device by its hardware id. 设备标识")
    ] = None,
    minute: Annotated[
        str | None,
        typer.Option("--minute", help="A minute, like 2026-10-12T10:20+08:00. 分钟"),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Follow an amount down to one minute, or a minute up to its claim. 逐级说明金额来历。"""
    at = None if minute is None else _minute(minute)
    with opened(directory) as server:
        explaining = Explaining(server.work)
        if number is not None:
            wanted = Wanted(line=line, hardware_id=device, minute=at)
            trail = explaining.certificate(number, wanted)
        elif device is not None and at is not None:
            trail = explaining.minute(device, at)
        else:
            raise InvalidValue("name a certificate, or a --device and a --minute")
    if as_json:
        print(json.dumps(trail.to_data(), ensure_ascii=False))
        return
    _show(trail)


def _minute(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue(f"'{text}' is not a minute like 2026-10-12T10:20+08:00") from error
    return minute_of(instant if instant.tzinfo is not None else instant.replace(tzinfo=SHANGHAI))


def _show(trail: Trail) -> None:
    """Each step with its facts, one a line: nothing is cut, and every line can be searched."""
    for place, step in enumerate(trail.steps, 1):
        print(f"{place}. {step.zh} {step.en}")
        for name, value in step.facts.items():
            if value not in (None, ""):
                print(plain(f"     {name}: {_text(value)}"))
        if step.follows:
            print(plain(f"     ← {step.follows}"))
        if step.source:
            print(f"     依据 source: {step.source}")


def _text(value: Fact) -> str:
    if isinstance(value, bool):
        return "是 yes" if value else "否 no"
    return str(value)
