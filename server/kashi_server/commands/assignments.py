"""`assignments`: what the sides of contracts propose and answer, for those without a browser."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import PlainConsole
from kashi_server.commands.proving import prove
from kashi_server.documents.assignment_sheet import AssignmentSheets
from kashi_server.domain.assignment_act import Answer, Standing
from kashi_server.domain.assignment_draft import drafts_of
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import SHANGHAI, instant_of
from kashi_server.domain.minute_text import minute_of_text
from kashi_server.errors import ConfigurationError, Refused
from kashi_server.services.accounts import Role, normal_login
from kashi_server.services.assignment import Actor, Assigning
from kashi_server.services.assignment_views import AssignmentRow, AssignmentViews
from kashi_server.services.sight import Reader

Login = Annotated[
    str,
    typer.Option(
        "--login", help="办理方账号，记入日志。Account of the side that acts; it is recorded."
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="账号密码的文件。Holds the account's password."),
]
Numbers = Annotated[
    list[str], typer.Argument(metavar="NUMBER...", help="指派编号。Numbers of assignments.")
]
_ANSWERED_ZH = {
    Answer.CONFIRM: "已确认",
    Answer.DECLINE: "已拒绝",
    Answer.WITHDRAW: "已撤回",
}
OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def list_assignments(
    standing: Annotated[
        Standing | None, typer.Option("--standing", help="仅此状态。Only those that stand so.")
    ] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="仅此合同。Of one contract.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """列出租用指派，待答复者在前。List assignments, those that wait for an answer first."""
    with opened(directory) as server:
        rows = AssignmentViews(server.work).rows(OFFICE)
    shown = [
        row
        for row in rows
        if standing in (None, row.history.standing)
        and contract in (None, row.history.contract.contract_id)
    ]
    if as_json:
        print(json.dumps([_plain(row) for row in shown], ensure_ascii=False))
        return
    table = Table()
    for title in ("编号\nnumber", "状态\nstate", "设备\ndevice", "起止 from, until\n合同 contract"):
        table.add_column(title, overflow="fold")
    for row in shown:
        lease = row.history.assignment
        span = f"{_time(lease.interval.start)} –\n{_time(lease.interval.end)}"
        if row.history.proposed_end is not None:
            span += f"\n→ {_time(row.history.proposed_end)}"
        standing = row.history.standing
        standing_text = f"{standing.zh}\n{standing}\n{row.history.awaited_id or ''}"
        table.add_row(
            row.assignment_id, standing_text, lease.hardware_id, f"{span}\n{lease.contract_id}"
        )
    PlainConsole().print(table)


def propose(
    contract: Annotated[str, typer.Option("--contract", help="合同编号。Number of the contract.")],
    device: Annotated[str, typer.Option("--device", help="设备编号。Hardware id.")],
    start: Annotated[
        str, typer.Option("--from", help="起始，北京时间。Like '2026-10-01 10:20', Beijing time.")
    ],
    login: Login,
    until: Annotated[
        str,
        typer.Option("--until", help="终止（不含）；不给：无终止。Exclusive; none: without end."),
    ] = "",
    number: Annotated[
        str,
        typer.Option("--number", help="指派编号；不给则自动编号。Its number; none: one is given."),
    ] = "",
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """提议以某设备履行某合同，由对方确认。
    Propose that a device serves a contract; the other side confirms it.
    """
    fields = {
        "contract": contract,
        "device": device,
        "from": start,
        "until": until,
        "assignment": number,
    }
    with opened(directory) as server:
        actor = actor_of(server, login, password_file)
        made = Assigning(server.work, server.clock).propose(actor, drafts_of([(0, fields)]))
    _print_proposed(made)


def import_sheet(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="填好的模板，XLSX。A filled-in template, XLSX.")
    ],
    login: Login,
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="预览，不提议。Show what would be proposed; take nothing."),
    ] = False,
) -> None:
    """批量提议表格各行，要么全部，要么全不。Propose every row of a spreadsheet, or none of them."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error
    with opened(directory) as server:
        actor = actor_of(server, login, password_file)
        drafts = AssignmentSheets().read(content)
        assigning = Assigning(server.work, server.clock)
        made = (assigning.preview if dry_run else assigning.propose)(actor, drafts)
    _print_proposed(made)
    if dry_run:
        print("预览，未提交 Nothing was taken: --dry-run.")


def write_template(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="写到何处。Where to write it.")],
    login: Login,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """写出待填的表格，含该账号主体的合同。
    Write the spreadsheet to fill in, with the contracts of an account's party.
    """
    with opened(directory) as server:
        side = _side(server, login)
        reader = Reader(account_id=0, role=Role.COMPANY, party_id=side.party_id)
        content = AssignmentSheets().template(AssignmentViews(server.work).contracts(reader))
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"无法写入 {file}。{file} cannot be written: {error}") from error
    print(file)


def confirm(
    numbers: Numbers,
    login: Login,
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """确认对方的提议，要么全部，要么全不。
    Confirm what the other side proposed: all of these or none.
    """
    _answer(directory, login, password_file, numbers, Answer.CONFIRM, "")


def decline(
    numbers: Numbers,
    login: Login,
    reason: Annotated[
        str, typer.Option("--reason", help="理由，对方可见。Why; the other side reads it.")
    ],
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """拒绝对方的提议，要么全部，要么全不。
    Decline what the other side proposed: all of these or none.
    """
    _answer(directory, login, password_file, numbers, Answer.DECLINE, reason)


def withdraw(
    numbers: Numbers,
    login: Login,
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """撤回本方提议、尚未答复的指派。Take back what one's own side proposed and nobody answered."""
    _answer(directory, login, password_file, numbers, Answer.WITHDRAW, "")


def propose_end(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="已确认的指派编号。A confirmed one.")
    ],
    until: Annotated[
        str,
        typer.Option("--until", help="终止（不含），北京时间。Like '2026-10-20 10:20', exclusive."),
    ],
    login: Login,
    reason: Annotated[str, typer.Option("--reason", help="理由。The reason why.")] = "",
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """为已确认的指派提议新的结束时间。Propose another end of a confirmed assignment."""
    end = minute_of_text(until)
    with opened(directory) as server:
        actor = actor_of(server, login, password_file)
        Assigning(server.work, server.clock).propose_end(actor, number, end, reason)
    print(
        f"{number}: 提议结束于 end proposed at {_time(end)}; 待对方确认 it awaits the other side."
    )


def _answer(
    directory: Path,
    login: str,
    password_file: Path | None,
    numbers: list[str],
    answer: Answer,
    reason: str,
) -> None:
    with opened(directory) as server:
        actor = actor_of(server, login, password_file)
        Assigning(server.work, server.clock).answer(actor, numbers, answer, reason)
    print(f"{_ANSWERED_ZH[answer]} {answer}: {', '.join(numbers)}")


def _side(server: Server, login: str) -> Actor:
    """An account that stands for a side of contracts."""
    found = {account.login: account for account in server.accounts.all()}
    account = found.get(normal_login(login))
    if account is None or account.disabled or account.party_id is None:
        raise Refused(
            f"“{login}”不是企业或供给方的账号，请用 account list 查看。"
            f"'{login}' is no account of a company or provider; list them with: account list"
        )
    return Actor(login=account.login, party_id=account.party_id, account_id=account.account_id)


def actor_of(server: Server, login: str, password_file: Path | None) -> Actor:
    """The same, once the password is right."""
    actor = _side(server, login)
    prove(server, actor.login, password_file)
    return actor


def _print_proposed(made: tuple[Assignment, ...]) -> None:
    for one in made:
        span = f"{_time(one.interval.start)} – {_time(one.interval.end)}"
        print(f"{one.assignment_id}  {one.hardware_id}  {span}")
    print(f"{len(made)} 项提议，待对方确认 proposed; the other side confirms or declines.")


def _time(minute: int | None) -> str:
    if minute is None:
        return "…"
    return instant_of(minute).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def _plain(row: AssignmentRow) -> dict[str, object]:
    history = row.history
    lease = history.assignment
    return {
        "assignment_id": lease.assignment_id,
        "standing": str(history.standing),
        "contract": lease.contract_id,
        "hardware_id": lease.hardware_id,
        "start_minute": lease.interval.start,
        "end_minute": lease.interval.end,
        "proposed_by": lease.proposed_by,
        "confirmed_by": lease.confirmed_by,
        "awaited": history.awaited_id,
        "proposed_end_minute": history.proposed_end,
        "acts": [
            {
                "number": act.number,
                "kind": str(act.kind),
                "party": act.party_id,
                "login": act.login,
                "utc_ms": act.utc_ms,
                "reason": act.reason,
            }
            for act in history.acts
        ],
    }
