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
    payer: Annotated[
        str,
        typer.Argument(metavar="PAYER", help="付款方统一社会信用代码。The payer's credit code."),
    ],
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="银行流水号。The bank's reference.")
    ],
    document: Annotated[str, typer.Option("--document", help="依据文件。What shows it.")],
    invoice: Annotated[
        str | None,
        typer.Option(
            "--invoice", help="仅此数电票；不给即全部。Only of this invoice; without, of all."
        ),
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="退回金额（元）。How many yuan of it went back.")
    ] = None,
    officer: Annotated[
        list[str] | None,
        typer.Option(
            "--officer",
            help="作决定的经办人账号，须两名。Login of an officer who decides; name two.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="理由，记入日志。Why; it is recorded.")
    ] = "",
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """更正付款（退款或不实），减去其所付。
    Take off what a payment covers: it was refunded, or never made.

    两名经办人各凭密码办理；持有有关发票部分的申报停下，以 claim resume 恢复。
    Claims that hold a part of the invoices stop, and go on with: claim resume.
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
