"""`invoices decide` and `invoices name-blue`: what two officers find of contents of invoices."""

from typing import Annotated

import typer

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.invoices import Number
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory, two_officers
from kashi_server.commands.proving import OfficersPasswords, prove_officers
from kashi_server.domain.money import yuan_text
from kashi_server.services.invoice_deciding import InvoiceDeciding
from kashi_server.services.invoice_words import STATUS_ZH

Officers = Annotated[
    list[str] | None,
    typer.Option(
        "--officer", help="作决定的经办人账号，须两名。Login of an officer who decides; name two."
    ),
]
Shown = Annotated[str, typer.Option("--document", help="依据文件。What shows it.")]
Why = Annotated[str, typer.Option("--reason", help="理由，记入日志。Why; it is recorded.")]


def decide_invoice(
    number: Number,
    version: Annotated[
        int,
        typer.Option(
            "--version",
            help="以第几版为准，见 `invoices show`。Which content, as `invoices show` counts.",
        ),
    ],
    document: Shown,
    officer: Officers = None,
    reason: Why = "",
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """两名经办人裁定同号发票以何者为准。
    Say which of several contents of a number stands, by two officers.

    两名经办人各凭密码办理；其余内容仍保存可查，依据它们的申报重新审查。
    The others stay stored and shown; claims that rest on them reopen.
    """
    decision = two_officers(officer, reason)
    with opened(directory) as server:
        prove_officers(server, decision, password_file)
        stored = _deciding(server).decide(number, version, decision, document)
    print(
        f"发票 {number}：第 {stored.version} 版现行 version {stored.version} stands,"
        f" {yuan_text(stored.invoice.amount.incl_fen)} 元 yuan，"
        f"{STATUS_ZH[stored.status]} {stored.status}."
    )


def name_blue(
    number: Number,
    blue: Annotated[
        str, typer.Option("--blue", help="对应的蓝字数电票号码。The invoice it takes back.")
    ],
    document: Shown,
    officer: Officers = None,
    reason: Why = "",
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """更正红字发票误报的蓝字号码。Say which invoice a red one takes back where it was told falsely.

    两名经办人各凭密码办理；原先误冲的发票恢复有效。What it took back before stands again.
    """
    decision = two_officers(officer, reason)
    with opened(directory) as server:
        prove_officers(server, decision, password_file)
        stored = _deciding(server).name_blue(number, blue, decision, document)
    print(f"红字发票 {number} 对应蓝字 takes back {stored.invoice.blue_number}.")


def _deciding(server: Server) -> InvoiceDeciding:
    return InvoiceDeciding(server.work, server.clock, server.invoice_watch)
