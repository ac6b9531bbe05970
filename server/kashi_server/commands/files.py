"""`files`: evidence files, kept under their hash and never deleted."""

import json
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, Officer
from kashi_server.commands.paper_options import CONSOLE, acting_officer, content_of
from kashi_server.commands.plain import plain
from kashi_server.commands.proving import OfficerPassword
from kashi_server.domain.evidence_file import EvidenceFile, Subject
from kashi_server.errors import ConfigurationError, Refused
from kashi_server.services.evidence_files import EvidenceFiles

_PRIVATE: Final = 0o600

SubjectText = Annotated[
    str,
    typer.Option(
        "--subject",
        help="所属事项。Like contract:…, invoice:…, payment:PAYER/REFERENCE, claim:… or host:….",
    ),
]


def evidence_files(server: Server) -> EvidenceFiles:
    """Evidence files of a server."""
    return EvidenceFiles(server.work, server.file_store, server.clock, server.claim_owner)


def add_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="文件路径。The file.")],
    subject: SubjectText,
    owner: Annotated[
        str,
        typer.Option(
            "--owner", help="归属方的统一社会信用代码。Credit code of the party whose file it is."
        ),
    ],
    officer: Officer,
    name: Annotated[
        str | None, typer.Option("--name", help="另取名称。Another name than the file's.")
    ] = None,
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """存入合同、发票、付款、申报或主机的证据文件。
    Keep a file about a contract, an invoice, a payment, a claim or a host.
    """
    with opened(directory) as server:
        added = evidence_files(server).add(
            content_of(file),
            name=name or file.name,
            owner_id=owner,
            subject=Subject.parse(subject),
            acting=acting_officer(server, officer, password_file, "files add"),
        )
    if as_json:
        print(json.dumps(_data(added), ensure_ascii=False))
    else:
        print(f"{added.file.sha256}  {added.file.media_type}  {added.file.size_bytes} 字节 bytes")


def list_files(
    owner: Annotated[str | None, typer.Option("--owner", help="归属方。Of this party.")] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="所属事项，如 claim:C-1。About this, like claim:C-1."),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """列出证据文件。List evidence files."""
    about = None if subject is None else Subject.parse(subject)
    with opened(directory) as server:
        found = evidence_files(server).all(CONSOLE, owner_id=owner, subject=about)
    if as_json:
        print(json.dumps([_data(one) for one in found], ensure_ascii=False))
        return
    # Lines, no table: the hash is what `files get` takes.
    for one in found:
        print(one.file.sha256)
        print(plain(f"    {one.subject}  {one.name}  {one.file.media_type}"))
        print(plain(f"    归属 owner {one.owner_id}，上传 added by {one.added_by}"))
    print(f"{len(found)} 个文件 files.")


def get_file(
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="文件哈希。Its hash.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="写到何处。Where to write it.")],
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """取出证据文件；取出前重新核对哈希。
    Write an evidence file out; its bytes are hashed again before.
    """
    with opened(directory) as server:
        found, content = evidence_files(server).get(sha256, CONSOLE)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except FileExistsError as error:
        raise Refused(
            f"{target} 已存在，不覆盖已有文件。{target} exists; nothing is written over it"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"无法写入 {target}。{target} cannot be written: {error}"
        ) from error
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    print(plain(f"{target}: {found.name}, {found.file.media_type}"))


def _data(file: EvidenceFile) -> dict[str, object]:
    return {
        "sha256": file.file.sha256,
        "size_bytes": file.file.size_bytes,
        "media_type": file.file.media_type,
        "owner_id": file.owner_id,
        "subject": str(file.subject),
        "name": file.name,
        "added_by": file.added_by,
        "added_utc_ms": file.added_utc_ms,
    }
