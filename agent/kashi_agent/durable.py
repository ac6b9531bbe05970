"""Writing a small file so that it is either the old one or the new one, whatever happens."""

import os
import pwd
import secrets
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def foreign_owner(*folders: Path) -> str:
    """What is wrong with writing there, when one of the folders is another user's: files of root in
    them would keep the agent out of its own state. Empty: nothing is."""
    for folder in folders:
        if folder.exists() and (owner := folder.stat().st_uid) != os.geteuid():
            try:
                name = pwd.getpwuid(owner).pw_name
            except KeyError:
                name = f"#{owner}"
            return (
                f"{folder} 属于 {name}，其中若有其他用户的文件，代理将无法使用；请以该用户运行："
                f"sudo -u {name} kashi-agent ...。{folder} is {name}'s, and files of another user "
                f"in it would keep the agent out; run it as that user: sudo -u {name} kashi-agent "
                "..."
            )
    return ""


def make_folder(folder: Path) -> None:
    """Create a folder for its owner alone, durable in its parent."""
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def write_durable(path: Path, content: bytes, *, mode: int = FILE_MODE) -> None:
    """Replace a file in one step, durable when this returns.

    The new content is synchronised before the rename and the folder after it: without the second,
    a power cut could bring the old file back.
    """
    passing = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(passing, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(path)
    except OSError:
        passing.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove_durable(path: Path) -> None:
    """Remove a file; it may be absent."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make creations, renames and removals in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
