"""`names erase`: names of holders go out of stored reports, on request; every proof stays."""

import json
from datetime import date
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, two_officers
from kashi_server.commands.proving import OfficersPasswords, prove_officers
from kashi_server.errors import InvalidValue
from kashi_server.log.sequencer import sequence
from kashi_server.services.name_erasing import NameErasing


def erase(
    until: Annotated[
        str, typer.Option("--until", help="The last day, like 2026-10-31. 截止日期（含）")
    ],
    host: Annotated[
        list[str] | None, typer.Option("--host", help="Of this host; repeat. 主机")
    ] = None,
    party: Annotated[
        str | None,
        typer.Option("--party", help="Of every host that this party operates. 运营方代码"),
    ] = None,
    officer: Annotated[
        list[str] | None,
        typer.Option("--officer", help="Login of an officer who decides; name two. 两名经办人"),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded. 理由")] = "",
    password_file: OfficersPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Erase names of holders from stored reports; it cannot be undone. 抹除报告中的占用者姓名

    Signatures, receipts, the log and every certificate stay whole: `fsck` counts the reports.
    Backups that were made before still hold the names. 两名经办人各凭密码办理，不可恢复。
    """
    if bool(host) == (party is not None):
        raise InvalidValue(
            "请用 --host 或 --party 之一指明主机。Say whose names: --host, or --party, not both"
        )
    last = _day(until)
    decision = two_officers(officer, reason)
    with opened(directory) as server:
        prove_officers(server, decision, password_file)
        known = [one.host_id for one in server.hosts.all(party)]
        wanted = known if host is None else [one for one in known if one in host]
        strangers = sorted(set(host or ()) - set(known))
        if strangers:
            raise InvalidValue(
                f"没有主机 {', '.join(strangers)}。There is no host {', '.join(strangers)}"
            )
        done = NameErasing(server.work, server.clock).erase(wanted, last, decision)
        sequence(server.work, server.keyring, server.clock)
    if as_json:
        print(json.dumps({one.host_id: one.report_count for one in done}))
        return
    for one in done:
        print(f"{one.host_id}: {one.report_count} 份报告的姓名已抹除 reports lost their names.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue(f"--until {text} 不是日期。It is no day like 2026-10-31") from error
