"""`confirm-certificate`: a party's word that a certificate says what both sides know."""

from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.assignments import Login, PasswordFile, actor_of
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.log.sequencer import sequence
from kashi_server.services.confirming import Confirming


def confirm_certificate(
    number: Annotated[str, typer.Argument(help="证明编号。The certificate's number.")],
    code: Annotated[
        str,
        typer.Option("--code", help="首页上的核验码。The code on its first page: who asks has it."),
    ],
    login: Login,
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """以使用方或服务机构身份确认证明，留名、留时、入日志。
    Confirm a certificate as its user or its provider; recorded, dated, logged.
    """
    with opened(directory) as server:
        actor = actor_of(server, login, password_file)
        given = Confirming(server.work, server.clock).confirm(
            number, code, actor.party_id, actor.login
        )
        sequence(server.work, server.keyring, server.clock)
    print(
        f"{given.number}：{given.party_id} 已确认。"
        f"{given.number}: confirmed by its {given.side}, {given.party_id}."
    )
