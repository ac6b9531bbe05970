"""`payments put-right`: a payment that was never made, or of which money went back."""

from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory, two_officers
from kashi_server.commands.proving import OfficersPasswords, prove_officers
from kashi_server.domain.money import parse_yuan, yuan_text
from kashi_server.errors import Refused
from kashi_server.services.payment_righting import PaymentRighting


def put_payment_right(
    payer: Annotated[str, typer.Argument(metavar="PAYER", help="Its credit code. 付款方")],
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="The bank's reference. 流水号")
    ],
    document: Annotated[str, typer.Option("--document", help="What shows it. 依据文件")],
    invoice: Annotated[
        str | None,
        typer.Option("--invoice", help="Only of this invoice; without, of all. 数电票号码"),
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="How many yuan of it went back. 退回金额")
    ] = None,
    officer: Annotated[
        list[str] | None,
        typer.Option("--officer", help="Login of an officer who decides; name two. 两名经办人"),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded. 理由")] = "",
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Take off what a payment covers: it was refunded, or never made. 更正付款（退款或不实）

    Claims that hold a part of the invoices stop, and go on with: claim resume.
    两名经办人各凭密码办理。
    """
    if (invoice is None) != (amount is None):
        raise Refused(
            "--invoice 与 --amount 须同时给出；都不给出则全部退回。"
            "name both --invoice and --amount, or neither: then all of it goes back"
        )
    part = None if invoice is None or amount is None else (invoice, parse_yuan(amount))
    decision = two_officers(officer, reason)
    with opened(directory) as server:
        prove_officers(server, decision, password_file)
        righting = PaymentRighting(server.work, server.clock, server.invoice_watch)
        stored = righting.put_right((payer, reference), decision, document, part)
    for number, left_fen in sorted(stored.counted.items()):
        print(f"发票 {number}：本笔付款现计 counts now {yuan_text(left_fen)} 元 yuan.")
