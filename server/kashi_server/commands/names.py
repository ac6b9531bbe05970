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
from kashi_server.services.name_erasing import Erased, NameErasing


def erase(
    until: Annotated[
        str,
        typer.Option(
            "--until", help="截止日期（含），如 2026-10-31。The last day, like 2026-10-31."
        ),
    ],
    host: Annotated[
        list[str] | None, typer.Option("--host", help="某一主机，可多次。Of this host; repeat.")
    ] = None,
    party: Annotated[
        str | None,
        typer.Option("--party", help="该运营方的全部主机。Of every host that this party operates."),
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
    *,
    as_json: AsJson = False,
) -> None:
    """抹除报告中的占用者姓名；不可恢复。
    Erase names of holders from stored reports; it cannot be undone.

    截至当日结束或送达的报告不再含姓名，此后仍含姓名的份数会列出。签名、回执、日志与证明均保持完整，
    `fsck` 会计数；此前的备份中仍有姓名。两名经办人各凭密码办理。
    Reports that ended or came by that day lose theirs; how many later ones keep them is printed.
    Signatures, receipts, the log and every certificate stay whole: `fsck` counts the reports.
    Backups that were made before still hold the names.
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
        print(json.dumps({one.host_id: _counts(one) for one in done}))
        return
    for one in done:
        print(
            f"{one.host_id}: {one.report_count} 份报告的姓名已抹除，"
            f"其后的 {one.kept_count} 份仍保留姓名。"
            f"{one.report_count} reports lost their names, {one.kept_count} later ones keep theirs."
        )


def _counts(one: Erased) -> dict[str, int]:
    return {"erased_report_count": one.report_count, "kept_report_count": one.kept_count}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue(f"--until {text} 不是日期。It is no day like 2026-10-31") from error
