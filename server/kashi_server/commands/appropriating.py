"""`ledger appropriate`: a year's money goes into a programme's pool, by two officers."""

from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.batches import rules_named
from kashi_server.commands.claim_keeping import Document
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory, Officer, Reason
from kashi_server.commands.proving import Passwords, prove_logins
from kashi_server.domain.money import parse_yuan, yuan_text
from kashi_server.log.sequencer import sequence
from kashi_server.services.appropriating import Appropriating
from kashi_server.services.claims import Acting, Why


def appropriate(
    programme: Annotated[str, typer.Argument(help="项目或总盘。The programme, or an envelope.")],
    year: Annotated[int, typer.Argument(help="年度。The year.")],
    amount: Annotated[str, typer.Argument(help="金额（元）。The amount in yuan.")],
    officer: Officer,
    second: Annotated[
        str, typer.Option("--second", help="第二名经办人账号。Login of the second officer.")
    ],
    reason: Reason,
    document: Document,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """下达预算或设立总盘；同一文件只计一次。
    Put money into a year's pool, or open an envelope; one document counts once.
    """
    with opened(directory) as server:
        prove_logins(server, (officer, second), password_file)
        rules = rules_named(server, programme, None, None)
        added = Appropriating(server.work, server.clock).appropriate(
            Acting(login=officer, second=second),
            rules,
            year,
            parse_yuan(amount),
            Why(reason=reason, document=document),
        )
        sequence(server.work, server.keyring, server.clock)
    state = "已入账 booked" if added else "此前已入账 booked before"
    print(f"{programme}/{year}: {yuan_text(parse_yuan(amount))} 元 {state}")
