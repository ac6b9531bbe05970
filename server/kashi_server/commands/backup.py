"""`backup` and `restore`: one file with everything a server is: settings, keys, database.

The file is a tar: `manifest.json` with the SHA-256 of every other member, then `server.toml`, the
keys, a consistent copy of the database, and the evidence files it names. Whoever has it can be the
server: it is written 0600.
"""

import hashlib
import json
import os
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Annotated, Final

import typer

from kashi_server import VERSION
from kashi_server.bootstrap import utc_clock
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.config import FILE, Config, read_config
from kashi_server.errors import ConfigurationError, Refused
from kashi_server.filestore import FOLDER as FILES
from kashi_server.filestore import stored_files
from kashi_server.keystore import DIRECTORY_MODE, KEYS, PRIVATE_MODE, PUBLIC, read_keyring
from kashi_server.presence import exclusive
from kashi_server.services.accounts import AuditEntry
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.profiles import instant
from kashi_server.storage.backup import dump, load
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import RoleUrls, install_roles, make_roles
from kashi_server.storage.unit_of_work import Work

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
FORMAT: Final = "kashi/v1/backup"
CONSOLE: Final = "console"
"""Who restores: whoever may write the server's directory."""


def backup(
    file: Annotated[
        Path,
        typer.Argument(
            help="要写的 tar 文件，须尚不存在。The tar file to write; it must not exist."
        ),
    ],
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """将服务器的全部内容备份到一个文件，可在运行中进行。
    Write everything this server is into one file. The server may be serving meanwhile.
    """
    config = read_config(directory)
    if file.exists():
        raise Refused(
            f"{file} 已存在，备份不覆盖已有文件。"
            f"{file} exists; a backup is never written over another"
        )
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".kashi-backup-") as folder:
        copy = Path(folder) / DATABASE
        dump(config.database_url, copy)
        members = {FILE: directory / FILE, DATABASE: copy}
        for folder_name in (KEYS, PUBLIC):
            found = sorted((directory / folder_name).iterdir())
            members |= {f"{folder_name}/{path.name}": path for path in found}
        # After the database: what it names is there, and what came since does no harm.
        members |= {f"{FILES}/{name}": path for name, path in stored_files(directory / FILES)}
        unfinished = Path(folder) / "backup.tar"
        _write(unfinished, members)
        unfinished.rename(file)
    print(f"{file} 含设置、密钥、数据库与文件，持有者即可充当本服务器")
    print(f"{file} holds settings, keys, database and files. Whoever has it can be this server.")


def restore(
    file: Annotated[Path, typer.Argument(help="备份文件。A file that `backup` wrote.")],
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """以备份在空目录与空数据库中恢复服务器。
    Make a server of a backup, in an empty directory and an empty database.

    主机保留已送内容 35 天，备份中没有的会重新送来。
    Hosts keep what they sent for 35 days and send again what the backup does not hold.
    """
    if directory.exists() and any(directory.iterdir()):
        raise Refused(
            f"{directory} 不是空目录，请恢复到其他目录后再移动。"
            f"{directory} is not empty; restore to another one, then move"
        )
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".kashi-restore-") as name:
        folder = Path(name)
        made_utc_ms = _read(file, folder)
        with exclusive(directory, "restore"):
            for folder_name in (KEYS, PUBLIC):
                (directory / folder_name).mkdir(mode=DIRECTORY_MODE)
            sources = [*(folder / KEYS).iterdir(), *(folder / PUBLIC).iterdir()]
            for source in (folder / FILE, *sources):
                source.chmod(PRIVATE_MODE)
                source.rename(directory / source.relative_to(folder))
            if (folder / FILES).is_dir():
                (folder / FILES).rename(directory / FILES)
            _load(read_config(directory), folder / DATABASE)
            read_keyring(directory)
            _note(read_config(directory).database_url, file.name, made_utc_ms)
    check = f"kashi-server fsck --directory {directory}"
    print(f"已恢复至 {directory}，请核验：{check}")
    print(f"Restored to {directory}. Check it: {check}")


def _load(config: Config, copy: Path) -> None:
    if not config.has_roles:
        load(config.database_url, copy)
        return
    # The copy's policies name the two lesser roles, which belong to no database.
    urls = RoleUrls(ingest=config.ingest_url, portal=config.portal_url)
    engine = open_engine(config.database_url)
    try:
        make_roles(engine, urls)
        load(config.database_url, copy)
        install_roles(engine, urls)
    finally:
        engine.dispose()


def _note(database_url: str, file: str, made_utc_ms: int) -> None:
    """Tell the office, in its audit trail, and everybody, in the log: this server was set back."""
    engine, now_utc_ms = open_engine(database_url), utc_clock()
    made = instant(made_utc_ms).isoformat(timespec="seconds")
    act = PrivilegedAct(
        utc_ms=now_utc_ms,
        actor=CONSOLE,
        act="restored",
        reference=file,
        reason=f"set back to a backup made at {made}",
    )
    line = AuditEntry(
        at_utc_ms=now_utc_ms,
        account_id=None,
        login="",
        address=CONSOLE,
        act=act.act,
        subject=f"{file}: {made}",
    )
    try:
        with Work(engine).begin() as unit:
            record(unit, act)
            unit.accounts.record(line)
            unit.commit()
    finally:
        engine.dispose()


def _write(target: Path, members: dict[str, Path]) -> None:
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "utc_ms": utc_clock(),
        "sha256": {name: _sha256(path) for name, path in members.items()},
    }
    content = json.dumps(manifest, indent=1).encode()
    described = target.with_name(MANIFEST)
    described.write_bytes(content)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(described, MANIFEST)
            for name, path in members.items():
                archive.add(path, name, recursive=False)
        file.flush()
        os.fsync(file.fileno())


def _read(file: Path, folder: Path) -> int:
    """Unpack a backup and compare every member; UTC milliseconds at which it was made."""
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
    except FileNotFoundError as error:
        raise ConfigurationError(f"没有文件 {file}。{file} is missing") from error
    except tarfile.TarError as error:
        raise ConfigurationError(f"{file} 不是备份文件。{file} is no backup: {error}") from error
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        expected: dict[str, str] = manifest["sha256"]
        made_utc_ms = int(manifest["utc_ms"])
        if manifest["format"] != FORMAT:
            raise ConfigurationError(
                f"{file} 的格式为 {manifest['format']}，本版本只读 {FORMAT}。"
                f"{file} has the format {manifest['format']}, not {FORMAT}"
            )
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise ConfigurationError(
            f"{file} 不是本系统服务器的备份。{file} is no backup of this server"
        ) from error
    for name, sha256 in expected.items():
        path = folder / PurePosixPath(name)
        if not path.is_file() or _sha256(path) != sha256:
            raise ConfigurationError(
                f"{file} 已损坏：{name} 与备份时不符。"
                f"{file} is damaged: {name} is not what was backed up"
            )
    return made_utc_ms


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
