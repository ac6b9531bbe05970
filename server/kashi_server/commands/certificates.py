"""`certify`, `certificates` and `withdraw`: from closed statements to signed documents."""

import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from kashi_server.bootstrap import Server, opened, withdrawal_watches
from kashi_server.commands.certifying import certificate_keeping, save_files
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, Reason, two_officers
from kashi_server.commands.plain import PlainConsole, plain
from kashi_server.commands.proving import OfficersPasswords, prove_officers
from kashi_server.domain.interval import Month
from kashi_server.domain.money import truncate_places, yuan_text
from kashi_server.errors import InvalidValue, KashiError
from kashi_server.log.sequencer import sequence
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.two_officers import OfficersDecision

CARD_HOUR_PLACES: Final = 4
ACTOR: Final = "kashi-server certify"
EXIT_SOME_FAILED: Final = 1


def certify(
    months: Annotated[
        str | None,
        typer.Argument(
            metavar="[MONTH]", help="已关账月份，如 2026-10。A closed month, like 2026-10."
        ),
    ] = None,
    statement: Annotated[
        str | None, typer.Option("--statement", help="仅此结算单。Only this statement.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", help="月份，以选项给出。The month, said as an option.")
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="该月全部，逐一出具，个别失败不影响其余。"
            "All of the month, one after the other; a failure stops none.",
        ),
    ] = False,
    contract: Annotated[
        str | None,
        typer.Option(
            "--contract", help="该合同若干月合为一份。Several months of this contract as one."
        ),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="首月。The first of them.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="末月。The last of them.")] = None,
    reissue: Annotated[
        bool,
        typer.Option(
            "--reissue",
            help="以后到的材料重出 --statement 的证明。"
            "The next edition of --statement, with later papers.",
        ),
    ] = False,
    officer: Annotated[
        list[str] | None,
        typer.Option("--officer", help="重新出具须两名经办人。To issue again: two officers."),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="重新出具的理由。Why it is issued again.")
    ] = "",
    password_file: OfficersPasswords = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="同时保存 PDF、JSON、证据包与根证书。Also save PDF, JSON, bundle and root here.",
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """为已关账月份出具算力使用证明，可重复执行。
    Issue certificates of closed months, however often it is run.
    """
    named = months or month
    failed: list[tuple[str, str]] = []
    with opened(directory) as server:
        if contract is not None:
            issued = [_issue_period(server, contract, first, last)]
        elif reissue:
            if statement is None:
                raise InvalidValue(
                    "--reissue 须同时给出 --statement、两次 --officer 与 --reason。"
                    "--reissue needs --statement, --officer twice and --reason"
                )
            decision = two_officers(officer, reason)
            prove_officers(server, decision, password_file)
            issued = [_reissue(server, statement, decision)]
        elif named is None:
            raise InvalidValue(
                "请给出月份，或 --contract 加 --from 与 --to。"
                "name a month, or a --contract with --from and --to"
            )
        else:
            issued, failed = issue_batch(server, Month.parse(named), statement, quiet=as_json)
        if out is not None:
            save_files(server, issued, out)
    _show(issued, as_json=as_json)
    if failed:
        for number, why in failed:
            print(plain(f"未出具 not issued: {number}: {why}"), file=sys.stderr)
        print(
            f"已出具 {len(issued)} 份，未出具 {len(failed)} 份，请再次运行。"
            f"{len(issued)} issued, {len(failed)} not; run it again.",
            file=sys.stderr,
        )
        raise typer.Exit(EXIT_SOME_FAILED)


def certificates(
    month: Annotated[str | None, typer.Option("--month", help="仅此月份。Only this month.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="保存 PDF、JSON、证据包与根证书。Save PDF, JSON, bundle and root here."
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """列出使用证明及其状态，或保存其文件。
    List certificates with their status, or save their files.
    """
    with opened(directory) as server:
        keeping = certificate_keeping(server)
        found = keeping.certificates(None if month is None else Month.parse(month))
        if out is not None:
            save_files(server, found, out)
    _show(found, as_json=as_json)


def withdraw(
    number: Annotated[str, typer.Argument(help="证明编号。The certificate's number.")],
    officer: Annotated[
        list[str],
        typer.Option("--officer", help="经办人账号，须两名。Login of an officer; name two."),
    ],
    reason: Reason,
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """撤回使用证明；此后查询者均会得知，不可恢复。
    Withdraw a certificate: whoever asks is told so from now on. It cannot be undone.

    两名经办人各凭门户密码办理。Two officers withdraw it, each with the password of the portal.
    """
    decision = two_officers(officer, reason)
    with opened(directory) as server:
        prove_officers(server, decision, password_file)
        watches, actor = withdrawal_watches(server), ", ".join(decision.officers)
        changed = certificate_keeping(server).withdraw(number, reason, actor, watches)
        sequence(server.work, server.keyring, server.clock)
    print(
        f"使用证明 {changed.number} {changed.status.zh}。"
        f"Certificate {changed.number} is {changed.status}."
    )


def issue_batch(
    server: Server, month: Month, statement: str | None, *, quiet: bool
) -> tuple[list[StoredCertificate], list[tuple[str, str]]]:
    """Issue a month's certificates one by one; what was issued, and what failed and why.

    Each is durable as soon as it is issued: stopped and run again, it goes on with the rest.
    """
    keeping = certificate_keeping(server)
    due = [one.number for one in keeping.due(month)]
    wanted = due if statement is None else [statement]
    issued: list[StoredCertificate] = []
    failed: list[tuple[str, str]] = []
    # The bar is for a person who waits: none where nobody looks, and none in the output.
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as progress:
        bar = progress.add_task("出具证明 certifying", total=len(wanted))
        for number in wanted:
            try:
                issued.append(keeping.issue(number, ACTOR))
            except KashiError as error:
                failed.append((number, str(error)))
            progress.advance(bar)
    sequence(server.work, server.keyring, server.clock)
    return issued, failed


def _issue_period(
    server: Server, contract: str, first: str | None, last: str | None
) -> StoredCertificate:
    if first is None or last is None:
        raise InvalidValue(
            "多个月份须以 --from 和 --to 注明。several months are named by --from and --to"
        )
    keeping = certificate_keeping(server)
    issued = keeping.issue_period(contract, Month.parse(first), Month.parse(last), ACTOR)
    sequence(server.work, server.keyring, server.clock)
    return issued


def _reissue(server: Server, statement: str, decision: OfficersDecision) -> StoredCertificate:
    actor = ", ".join(decision.officers)
    issued = certificate_keeping(server).reissue(statement, actor, decision.reason)
    sequence(server.work, server.keyring, server.clock)
    return issued


def _show(found: Sequence[StoredCertificate], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_facts(one) for one in found], ensure_ascii=False))
        return
    # A narrow terminal cuts nothing: numbers are what the other commands take.
    number = Column("证明与结算单\ncertificate, statement", overflow="fold", min_width=31)
    table = Table(
        number,
        Column("卡时\ncard-hours", justify="right"),
        Column("元\nyuan", justify="right"),
        "状态\nstatus",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for one in found:
        table.add_row(
            f"{one.number}\n{one.statement_number} r{one.statement_revision}",
            truncate_places(Fraction(one.card_hours), CARD_HOUR_PLACES),
            yuan_text(one.amount_fen),
            f"{one.status.zh} {one.status}",
        )
    PlainConsole().print(table)


def _facts(one: StoredCertificate) -> dict[str, object]:
    return {
        "number": one.number,
        "code": one.code,
        "month": str(one.month),
        "statement_number": one.statement_number,
        "statement_revision": one.statement_revision,
        "edition": one.edition,
        "first_month": None if one.first_month is None else str(one.first_month),
        "user_id": one.user_id,
        "card_hours": one.card_hours,
        "amount_fen": one.amount_fen,
        "eligible_fen": one.eligible_fen,
        "pdf_sha256": one.pdf_sha256,
        "status": one.status.value,
        "status_reason": one.status_reason,
        "supersedes": one.supersedes,
    }
