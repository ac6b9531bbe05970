"""`explain`: one certificate from its amount down to a minute of a device, and the other way."""

import json
import sys
from typing import Annotated, Final

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import plain
from kashi_server.domain.minute_text import minute_of_text
from kashi_server.domain.money import parse_yuan, yuan_text
from kashi_server.domain.trail import Trail
from kashi_server.errors import InvalidValue
from kashi_server.services.trail_steps import RULES, RULES_NAMED_BY
from kashi_server.services.trail_words import text_of, word_of
from kashi_server.services.trails import Explaining, Wanted

LINES_SHOWN: Final = 20
"""So many rated lines of a certificate are shown unless all are asked for: more than a page."""


def explain(
    number: Annotated[
        str | None, typer.Argument(metavar="[NUMBER]", help="证明编号。A certificate.")
    ] = None,
    line: Annotated[int | None, typer.Option("--line", help="某一计费行。One rated line.")] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="设备标识。A device by its hardware id.")
    ] = None,
    minute: Annotated[
        str | None,
        typer.Option(
            "--minute",
            help="某一分钟，如 2026-10-12T10:20+08:00。A minute, like 2026-10-12T10:20+08:00.",
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    all_rules: Annotated[
        bool, typer.Option("--rules", help="列出规则全部参数。Every parameter of the rules too.")
    ] = False,
    all_lines: Annotated[
        bool,
        typer.Option(
            "--all", help=f"列出全部计费行，不限 {LINES_SHOWN} 行。Every line, not the first alone."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """逐级说明金额来历，直至某一分钟，或由一分钟查到申报。
    Follow an amount down to one minute, or a minute up to its claim.
    """
    at = None if minute is None else minute_of_text(minute)
    wanted = Wanted(line=line, hardware_id=device, minute=at)
    with opened(directory) as server:
        explaining = Explaining(server.work)
        if number is not None:
            trail = explaining.certificate(number, wanted)
        elif device is not None and at is not None:
            trail = explaining.minute(device, at)
        else:
            raise InvalidValue(
                "请写明证明编号，或同时写明 --device 与 --minute。"
                "name a certificate, or a --device and a --minute"
            )
    if as_json:
        print(json.dumps(trail.to_data(), ensure_ascii=False))
        return
    # Upward there is a line a revision; downward a certificate may have hundreds.
    held_back = Trail() if all_lines or number is None else trail.beyond(LINES_SHOWN)
    _show(trail, held_back, all_rules=all_rules)
    if number is not None:
        _show_next(number, wanted, trail)


def _show(trail: Trail, held_back: Trail, *, all_rules: bool) -> None:
    """Each step with its facts, one a line: no fact is cut, and every line can be searched."""
    steps = {id(step) for step in held_back.steps}
    for place, step in enumerate(trail.steps, 1):
        if id(step) in steps:
            continue
        print(f"{place}. {step.zh} {step.en}")
        short = step.kind == RULES and not all_rules
        for name, value in step.facts.items():
            if value not in (None, "") and not (short and name not in RULES_NAMED_BY):
                label = f"{word_of(name)} {name}".strip()
                print(plain(f"     {label}: {text_of(name, value)}"))
        if short:
            more = len(step.facts.keys() - RULES_NAMED_BY)
            print(f"     另有 {more} 项参数，见 --rules。{more} parameters: --rules shows them.")
        for follows in filter(None, (step.follows_zh, step.follows)):
            print(plain(f"     ← {follows}"))
        if step.source:
            print(f"     依据 source: {step.source}")
    if lines := [*held_back.of("line")]:
        yuan = yuan_text(sum(parse_yuan(str(one.facts["amount_yuan"])) for one in lines))
        print(
            f"另有 {len(lines)} 条计费行未列出，合计 {yuan} 元：--all 列出全部，--line N 只看一行，"
            f"--json 始终完整。{len(lines)} more rated lines of {yuan} yuan are not shown: --all"
            " shows them, --line N one of them; --json has them all."
        )


def _show_next(number: str, wanted: Wanted, trail: Trail) -> None:
    """What to type to see the next step below, on standard error: the trail stays itself."""
    line = next((dict(step.facts) for step in trail.of("line")), None)
    if line is None or wanted.minute is not None:
        return
    more = f"--line {line['line']}" if wanted.line is None else f"--line {wanted.line}"
    if not wanted.everything:
        more += f" --minute {line['start']}"
    print(plain(f"下一层 one step further: kashi-server explain {number} {more}"), file=sys.stderr)
