"""`import-reports` and `enrol-requests`: what comes by file instead of over a connection."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from kashi.carry import CarryFile, write_carry_file
from kashi.errors import FormError
from kashi.v1 import carry_pb2
from rich.console import Console
from rich.table import Table

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import plain
from kashi_server.commands.proving import prove, require_officer
from kashi_server.errors import ImportRefused, InvalidValue, Refused
from kashi_server.presence import running_ports
from kashi_server.services.carried_enrolment import Approve, CarriedEnrolments, no_approval
from kashi_server.services.carrying import Carrying, Taken
from kashi_server.services.ingestion import Ingestion

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="携带文件。Carry files.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="答复的目录；不给即在各文件旁。Folder for the answers; else beside each file."
    ),
]


def import_reports(
    files: Files,
    out: Out = None,
    as_json: AsJson = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """读入离线携带的报告文件，并写出带回的回执。
    Take carry files of reports; write the receipts to carry back as FILE.receipts.

    与联网送达相同：恰好一次，裁定相同。有报告未存入时退出码为 1，其主机会从回执所述处重送。
    The same way as over the wire: exactly once, the same verdicts. Exit code 1 if a report was
    not stored: its host sends it again, from where the receipts say.
    """
    checked = [_checked(file, carry_pb2.CARRY_KIND_REPORTS) for file in files]
    answered = _answered(checked, out, ".receipts")
    taken = Taken()
    with opened(directory) as server:
        carrying = _carrying(server)
        for file, answers in answered:
            if next(iter(file.records()), None) is None:
                # A file of no receipts would be refused where it is brought back.
                print(
                    f"{file.path} 中没有报告，不写回执，无须带回。"
                    f"{file.path} holds no report: no receipts are written, nothing to carry back",
                    file=sys.stderr,
                )
                continue
            _write(server, answers, carry_pb2.CARRY_KIND_RECEIPTS, carrying.take(file, taken))
            if not as_json:
                print(
                    f"{file.path} 的回执在 {answers} 中，请带回。"
                    f"{file.path}: receipts to carry back are in {answers}"
                )
    _tell(taken, as_json=as_json)
    if not taken.whole:
        raise typer.Exit(1)


def enrol_requests(
    files: Files,
    out: Out = None,
    approve: Annotated[
        Path | None,
        typer.Option(
            "--approve",
            help="获准文件清单，sha256sum 格式。List of approved files, as sha256sum prints it.",
        ),
    ] = None,
    party: Annotated[
        str,
        typer.Option(
            "--party",
            help="与 --approve 同用：运营方的统一社会信用代码。"
            "Credit code of the operator, with --approve.",
        ),
    ] = "",
    officer: Annotated[
        str,
        typer.Option(
            "--officer", help="批准清单的经办人账号。Login of the officer who approves the list."
        ),
    ] = "",
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", help="经办人密码的文件。Holds the officer's password."),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """答复主机与中继的请求文件，写出应答文件。
    Answer request files of hosts and relays; write each answer as FILE.response.

    带令牌的请求用掉该令牌；不带的须由经办人以清单批准。有请求被拒时退出码为 1，其余照常答复。
    A request made with a token uses it up. One without a token is let in by an officer, whose
    list names its file. Exit code 1 if a request was refused; the others are answered.
    """
    checked = [_checked(file, carry_pb2.CARRY_KIND_REQUESTS) for file in files]
    answered = _answered(checked, out, ".response")
    approved = _approved(approve)
    refused = 0
    with opened(directory) as server:
        if approved is not None:
            require_officer(server, officer)
            prove(server, officer, password_file)
        port = server.config.metering.port or running_ports(directory).get("metering", 0)
        service = CarriedEnrolments(
            server.enrolment, server.greeting(port), server.keyring.receipt_key
        )
        for file, answers in answered:
            try:
                requests = [record for _, record in file.records()]
                way_in = _way_in(server, file, len(requests), approved, party, officer)
                records = [service.answer(record, way_in) for record in requests]
            except (Refused, InvalidValue, FormError) as error:
                print(plain(f"{file.path}: 未受理 refused: {error}"))
                refused += 1
                continue
            _write(server, answers, carry_pb2.CARRY_KIND_RESPONSES, records)
            print(
                f"{file.path} 的应答在 {answers} 中，请带回。"
                f"{file.path}: the answer to carry back is in {answers}"
            )
    if refused:
        raise typer.Exit(1)


def _checked(path: Path, kind: int) -> CarryFile:
    try:
        return CarryFile(path, kind)
    except FormError as error:
        raise ImportRefused(str(error)) from error
    except OSError as error:
        raise ImportRefused(f"无法读取 {path}。{path}: cannot be read: {error.strerror}") from error


def _carrying(server: Server) -> Carrying:
    ingestion = Ingestion(
        server.ingest_work,
        server.keyring.receipt_key,
        server.clock,
        demo=server.config.demo,
        on_hold=server.standings.forget,
    )
    return Carrying(
        ingestion, server.standings, server.enrolment, server.keyring.receipt_key, server.clock
    )


def _answered(
    files: list[CarryFile], out: Path | None, suffix: str
) -> list[tuple[CarryFile, Path]]:
    """Files with the places of their answers.

    Raises:
        ImportRefused: two files would have one place.
    """
    found: dict[Path, CarryFile] = {}
    for file in files:
        path = (file.path.parent if out is None else out) / (file.path.name + suffix)
        other = found.setdefault(path, file)
        if not other.path.samefile(file.path):
            raise ImportRefused(
                f"{other.path} 与 {file.path} 的应答都将写入 {path}，"
                "请分两次处理，各用不同的 --out。"
                f"the answers to {other.path} and {file.path} would both be {path}; bring them"
                " one after the other, with different --out"
            )
    return [(file, path) for path, file in found.items()]


def _write(
    server: Server, path: Path, kind: carry_pb2.CarryKind, records: Iterable[carry_pb2.CarryRecord]
) -> None:
    opening = carry_pb2.CarryOpening(
        kind=kind, made_utc_ms=server.clock(), made_by=server.config.organisation
    )
    try:
        write_carry_file(path, opening, records)
    except FormError as error:
        raise ImportRefused(
            "应答未能写出，请再次携带该文件；已保存的不会重复保存。"
            f"{error}; bring it again: what was stored is not stored twice"
        ) from error
    except OSError as error:
        raise ImportRefused(
            f"无法写入 {path}。{path}: cannot be written: {error.strerror}"
        ) from error


_VERDICTS_ZH: Final = {
    "accepted": "已收",
    "duplicate": "此前已收",
    "gap": "前序缺失",
    "fork": "链分叉",
    "quarantined": "已隔离",
    "rejected": "不予受理",
}


def _tell(taken: Taken, *, as_json: bool) -> None:
    rows = [
        (host, verdict.name.lower(), n) for (host, verdict), n in sorted(taken.verdicts.items())
    ]
    if as_json:
        facts = {
            "reports": [{"host_id": h, "verdict": v, "count": n} for h, v, n in rows],
            "renewals": taken.renewals,
            "refusals": taken.refusals,
            "refusals_untold": taken.refusals_untold,
        }
        print(json.dumps(facts, ensure_ascii=False))
        return
    if not rows and taken.whole:
        return
    table = Table("主机 host", "结论 verdict", "报告 reports")
    for host, verdict, count in rows:
        table.add_row(host, f"{_VERDICTS_ZH[verdict]} {verdict}", str(count))
    Console().print(table)
    for refusal in taken.refusals:
        print(plain(f"未受理 refused: {refusal}"))
    if taken.refusals_untold:
        print(f"另有 {taken.refusals_untold} 项 and {taken.refusals_untold} more")


def _approved(path: Path | None) -> dict[bytes, str] | None:
    """Digests on a list as `sha256sum` prints it, and the names beside them."""
    if path is None:
        return None
    found: dict[bytes, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImportRefused(f"无法读取 {path}。{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        digest, _, name = line.strip().partition(" ")
        try:
            found[bytes.fromhex(digest)] = name.strip(" *")
        except ValueError as error:
            raise ImportRefused(
                f"{path} 第 {number} 行：{digest[:70]!r} 不是 SHA-256。"
                f"{path}, line {number}: {digest[:70]!r} is no SHA-256"
            ) from error
    return found


def _way_in(
    server: Server,
    file: CarryFile,
    count: int,
    approved: dict[bytes, str] | None,
    party: str,
    officer: str,
) -> Approve:
    """How a request without a token gets in: by the officer's list, or not at all."""
    if approved is None:
        return no_approval

    def approve(request: bytes) -> bytes:
        if file.sha256 not in approved:
            raise Refused(
                f"清单中没有此文件，其 SHA-256 为 {file.sha256.hex()}。"
                f"the list does not name this file: its SHA-256 is {file.sha256.hex()}"
            )
        if count != 1:
            raise Refused(
                f"文件含 {count} 个请求；经办人每个文件只能批准一台主机。"
                f"the file holds {count} requests; an officer lets in one host a file"
            )
        return server.enrolment.approve(request, party, officer, file.sha256)

    return approve
