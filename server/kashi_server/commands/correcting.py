"""`correct` and `replay`: what a closed month is now, and whether it is what was made of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kashi_server.bootstrap import Server, agreement_watch, correction_watches, opened
from kashi_server.commands.expense import read_text
from kashi_server.commands.integrity import EXIT_DIFFERENT
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, two_officers
from kashi_server.commands.plain import PlainConsole
from kashi_server.commands.proving import OfficersPasswords, prove_officers
from kashi_server.domain.correction_cause import causes_of
from kashi_server.domain.interval import Month
from kashi_server.domain.money import yuan_text
from kashi_server.errors import Refused
from kashi_server.log.sequencer import sequence
from kashi_server.services.correcting import Correcting, Correction
from kashi_server.services.importing import ImportFile
from kashi_server.services.replaying import Replaying

MonthOption = Annotated[
    str, typer.Option("--month", help="已关账月份，如 2026-10。A closed month, like 2026-10.")
]


def correct(
    month: Annotated[
        str | None,
        typer.Option(
            "--month",
            help="已关账月份，如 2026-10；预览可不给，即全部。"
            "A closed month, like 2026-10; a preview without it is of all.",
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    preview: Annotated[
        bool, typer.Option("--preview", help="预览，不保存。Show what would change; store nothing.")
    ] = False,
    officer: Annotated[
        list[str] | None,
        typer.Option(
            "--officer",
            help="作决定的经办人账号，须两名。Login of an officer who decides; name two.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="更正理由，记入日志。Why; it is recorded.")
    ] = "",
    password_file: OfficersPasswords = None,
    terms: Annotated[
        list[Path] | None,
        typer.Option(
            "--terms", help="一并更正的约定文件，TOML。TOML files of agreements to correct with it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """更正已关账月份：冲回并重列，记入未关账月份。
    Correct a closed month: reversals and new lines, booked in the month that is open.

    两名经办人各凭门户密码办理；同时列出其他有差异的已关账月份。
    Two officers make a correction, each with the password of the portal. Other closed months
    that differ now are named as well.
    """
    if month is None and not preview:
        raise Refused(
            "请以 --month 注明要更正的月份；只有 --preview 可以不注明，"
            "即预览各月。"
            "which month is corrected? name it with --month; --preview alone tells of all"
        )
    wanted = None if month is None else Month.parse(month)
    files = [ImportFile(str(file), read_text(file)) for file in terms or ()]
    decision = None if preview else two_officers(officer, reason)
    with opened(directory) as server:
        if decision is not None:
            prove_officers(server, decision, password_file)
        correcting = _correcting(server)
        found = None
        if wanted is not None and decision is not None:
            found = correcting.make(wanted, decision, files)
        elif wanted is not None:
            found = correcting.preview(wanted, files)
        # Once a correction is made, its terms stand.
        differing = correcting.differing(files if preview else ())
        others = [one for one in differing if one[0] != wanted]
    if as_json:
        print(json.dumps(_whole(found, others), ensure_ascii=False))
        return
    if found is not None:
        _print(found, made=decision is not None)
    elif wanted is not None or not others:
        print(f"{wanted or '各月 every month'} 无需更正 nothing to correct.")
    for other, amount_fen in others:
        print(
            f"{other} 现有差异 differs now: {yuan_text(amount_fen)} 元 yuan;"
            f" correct --month {other} --preview"
        )


def _whole(
    found: Correction | None, others: Sequence[tuple[Month, int]]
) -> dict[str, object] | None:
    """Of the month that was asked for, and the other closed months that differ; None: nothing."""
    if found is None and not others:
        return None
    differing = [{"month": str(month), "amount_fen": fen} for month, fen in others]
    return {**({} if found is None else _data(found)), "also_differing": differing}


def _correcting(server: Server) -> Correcting:
    return Correcting(
        server.work,
        lambda: sequence(server.work, server.keyring, server.clock),
        server.clock,
        demo=server.config.demo,
        watches=correction_watches(server),
        agreement_watch=agreement_watch(server),
    )


def _data(found: Correction) -> dict[str, object]:
    return {
        "month": str(found.month),
        "run_id": found.difference.run_id,
        "booked_in": str(found.booked_month),
        "amount_fen": found.difference.amount_fen,
        "statements": [_statement_data(found, number) for number in found.difference.numbers],
    }


def _statement_data(found: Correction, number: str) -> dict[str, object]:
    statement = found.statements[number]
    assert statement.correction is not None, "a correction made it"
    contract = statement.contract
    return {
        "number": number,
        "revision": statement.revision,
        "corrects_revision": statement.correction.corrects_revision,
        "contract": None if contract is None else contract.contract_id,
        "user": statement.user.party_id,
        "amount_fen": statement.correction.amount_fen,
        "eligible_fen": statement.correction.eligible_fen,
        "causes": [str(cause) for cause in causes_of(number, found.difference.booked)],
        "lines": [line.to_data() for line in found.difference.booked[number]],
    }


def _print(found: Correction, *, made: bool) -> None:
    state = "已更正 corrected" if made else "预览，未入账 preview, nothing is stored"
    table = Table(title=f"{found.month}: {state}", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("结算单\nstatement", overflow="fold", min_width=24)
    for title in ("原金额 元\nbefore", "新金额 元\nafter", "差额 元\ndifference"):
        table.add_column(title, justify="right", overflow="fold")
    table.add_column("变动\nwhat changed", overflow="fold", min_width=16)
    for number in found.difference.numbers:
        statement = found.statements[number]
        assert statement.correction is not None, "a correction made it"
        change_fen = statement.correction.amount_fen
        causes = causes_of(number, found.difference.booked)
        table.add_row(
            f"{number}/{statement.revision}",
            yuan_text(statement.amount_fen - change_fen),
            yuan_text(statement.amount_fen),
            yuan_text(change_fen),
            "\n".join(f"{cause.zh} {cause.en}" for cause in causes),
        )
    PlainConsole().print(table)
    lines = sum(len(lines) for lines in found.difference.booked.values())
    print(f"{lines} 行冲正与新增 lines reversed and added, {found.booked_month} 入账 booked in.")
    print(f"更正 run {found.difference.run_id}")


def replay(
    month: MonthOption,
    revision: Annotated[
        int | None, typer.Option("--revision", help="仅此修订。Only this revision.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """以保存的事实重算已关账月份的结算单，逐字节核对。
    Make a closed month's statements again from stored facts and compare their bytes.

    退出码 0：逐字节相同；1：有不同，并列出。
    Exit code 0: every byte is the same; 1: a statement differs, and is named.
    """
    with opened(directory) as server:
        found = Replaying(server.work, demo=server.config.demo).replay(Month.parse(month), revision)
    if as_json:
        rows = [
            {"number": one.number, "revision": one.revision, "same": one.same, "place": one.place}
            for one in found
        ]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for one in found:
            state = "一致 same" if one.same else "不一致 DIFFERS"
            place = "" if one.place in (None, -1) else f", byte {one.place}"
            print(f"{one.number}/{one.revision}: {state}{place}")
    if not all(one.same for one in found):
        raise typer.Exit(EXIT_DIFFERENT)
