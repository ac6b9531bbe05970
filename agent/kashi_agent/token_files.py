"""The files that a key token needs on this host: its PKCS#11 module, and the PIN, tried once.

Tokens lock after a few wrong PINs, often for good. So a PIN that was refused is not tried again, by
this process or any other of this host, until somebody has written its file anew: a note in the
identity folder says which one it was, by its file's number and time, never by its content.
"""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kashi_agent.durable import make_folder, remove_durable, write_durable
from kashi_agent.errors import KeyTokenError, cannot_read
from kashi_agent.evidence.library import ROOT_ALONE, owner_of
from kashi_agent.sample import Absent
from kashi_agent.token_settings import TokenSettings

PIN_BYTES_MAX: Final = 256
NOTE_BYTES_MAX: Final = 4_096
NOTE_MODE: Final = 0o644
"""No secret is in it, and a command that root runs must not keep the agent out."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A PIN, and which one it is to whoever must not know it."""

    text: str = field(repr=False)
    which: str


def check_module(module: Path) -> None:
    """See that nobody but root could have put the module there: it gets the PIN, and signs.

    Raises:
        KeyTokenError: it is not there, or another user could change it.
    """
    for path in {module, module.resolve()}:
        owner = owner_of(Path("/"), str(path))
        if isinstance(owner, Absent):
            raise KeyTokenError(
                f"没有 PKCS#11 模块 {path}（{owner.reason}）；请安装它，或更正 [report_key] 的 "
                f"module。There is no PKCS#11 module {path} ({owner.reason}); install it, or "
                "correct module in [report_key]"
            )
        if owner != ROOT_ALONE:
            raise KeyTokenError(
                f"PKCS#11 模块 {path} 可被 root 以外的用户更换（{owner}），未加载；请改为仅 root "
                f"可写。The PKCS#11 module {path} could be exchanged by another user than root "
                f"({owner}) and was not loaded; let root alone write there"
            )


def read_pin(settings: TokenSettings) -> Pin:
    """The PIN in its file.

    Raises:
        KeyTokenError: it cannot be read, others can read it, or it holds none.
    """
    path = settings.pin_file
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(PIN_BYTES_MAX + 1)
    except OSError as error:
        raise KeyTokenError(cannot_read(path, error)) from error
    if why := _open_to(found):
        raise KeyTokenError(
            f"{path} 中的 PIN 他人可读或可改（{why}），未使用；请执行：chown root:kashi-agent "
            f"{path} && chmod 0640 {path}。The PIN in {path} can be read or changed by others "
            f"({why}) and was not used; run: chown root:kashi-agent {path} && chmod 0640 {path}"
        )
    text = _text(content)
    if not text.isprintable() or not 0 < len(text) <= PIN_BYTES_MAX:
        raise KeyTokenError(
            f"{path} 中没有 PIN：文件应只有一行，即 PIN，UTF-8 编码，无字节序标记（BOM）。"
            f"{path} holds no PIN: it is to have one line, the PIN alone, as UTF-8 without a byte "
            "order mark"
        )
    of = f"{settings.module} {settings.token}"
    return Pin(text, f"{of} {found.st_ino} {found.st_mtime_ns} {found.st_size}")


def _text(content: bytes) -> str:
    """The PIN in a file; "": its bytes are no UTF-8. A PIN made of what could be read of them would
    cost a try, and tokens give few."""
    try:
        return content.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        return ""


def _open_to(found: os.stat_result) -> str:
    """Who else could use a PIN's file; "": nobody but root, the agent's user and the agent's group.

    Root, who runs a command, is not of the agent's group and may read everything."""
    mode, user = stat.S_IMODE(found.st_mode), os.geteuid()
    shared = mode & stat.S_IRGRP and user and found.st_gid not in {0, os.getegid(), *os.getgroups()}
    theirs = user and found.st_uid not in {0, user}
    if theirs or shared or mode & (stat.S_IWGRP | stat.S_IRWXO):
        return f"uid {found.st_uid} gid {found.st_gid} mode {mode:04o}"
    return ""


@dataclass(slots=True)
class RefusedPin:
    """Which PIN a token refused, kept in a file."""

    path: Path
    _which: str = ""

    def check(self, pin: Pin, pin_file: Path) -> None:
        """Refuse a PIN that was refused.

        Raises:
            KeyTokenError: it was, and its file is as it was then.
        """
        if pin.which in (self._which, self._noted()):
            raise refused(pin_file)

    def note(self, pin: Pin) -> None:
        """The token refused it. A disk that takes no note leaves it with this process."""
        self._which = pin.which
        with suppress(OSError):
            make_folder(self.path.parent)
            write_durable(self.path, pin.which.encode(), mode=NOTE_MODE)

    def forget(self) -> None:
        """The token took one. A note that a disk keeps all the same speaks of another file."""
        self._which = ""
        with suppress(OSError):
            if self.path.exists():
                remove_durable(self.path)

    def _noted(self) -> str:
        with suppress(OSError), self.path.open("rb") as file:
            return file.read(NOTE_BYTES_MAX).decode("utf-8", "replace")
        return ""


def refused(pin_file: Path) -> KeyTokenError:
    """What is said of a PIN that the token refused."""
    return KeyTokenError(
        f"密钥令牌拒绝了 {pin_file} 中的 PIN；为免令牌锁定，该文件更新之前不再尝试：请更正后重写该"
        f"文件。The key token refused the PIN in {pin_file}; lest it lock, no other try is made "
        "until that file is written anew: correct it"
    )
