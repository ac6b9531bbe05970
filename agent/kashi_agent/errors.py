"""Errors of the agent: one tree, each with the exit code of the command line.

AgentError            1   something failed; the message says what, where and what to do
├── ConfigError       3   a setting is wrong: file, line and field are named
├── NotEnrolledError  4   this host has no identity yet
├── RefusedError      5   the server refused: certificate, token or signature
│   ├── CertificateRefusedError   5   this host's TLS certificate: the report key can get another
│   └── NotFoundError   5   what was named is not there for who asks
├── UnreachableError  6   the server does not answer
├── SpoolError        7   the spool cannot be used
│   └── LockedError   7   another agent works on it
├── MeterError        8   the meter does not answer
├── FileError         9   a carried file is damaged or does not fit: file and field are named
├── VolatileError     10  the state folder does not survive a reboot
└── KeyTokenError     11  the key token that holds the report key cannot be used

0 is success and 2 is a wrong command line. `DiskFullError` is no failure of a command: the spool
answers it by coarsening.

A message is one string: a Chinese sentence, then the same facts in English. What another program
or library said stands once, at the end.
"""

from pathlib import Path
from typing import ClassVar


class AgentError(Exception):
    """The agent could not do it."""

    exit_code: ClassVar[int] = 1


class ConfigError(AgentError):
    """A setting is wrong."""

    exit_code = 3


class NotEnrolledError(AgentError):
    """This host has no identity yet."""

    exit_code = 4


class RefusedError(AgentError):
    """The server refused."""

    exit_code = 5


class CertificateRefusedError(RefusedError):
    """The server refused this host's TLS certificate."""


class NotFoundError(RefusedError):
    """What was named is not there for who asks: for a relay, a host that is none of its party's."""


class UnreachableError(AgentError):
    """The server does not answer."""

    exit_code = 6


class SpoolError(AgentError):
    """The spool cannot be used."""

    exit_code = 7


class LockedError(SpoolError):
    """Another agent works on this spool."""


class MeterError(AgentError):
    """The meter does not answer."""

    exit_code = 8


class FileError(AgentError):
    """A carried file is damaged, or not for this host."""

    exit_code = 9


class VolatileError(AgentError):
    """The state folder does not survive a reboot."""

    exit_code = 10


class KeyTokenError(AgentError):
    """The key token that holds the report key cannot be used, or is not the one that is due."""

    exit_code = 11


class DiskFullError(SpoolError, OSError):
    """The disk takes no more; what was to be written is still in memory."""


def cannot_read(path: Path, error: OSError) -> str:
    """What is said of a file that cannot be read."""
    why = error.strerror
    return f"{path} 无法读取：{why}。{path} cannot be read: {why}"


def cannot_write(path: Path, error: OSError) -> str:
    """What is said of a file or folder that cannot be written."""
    why = error.strerror
    return f"{path} 无法写入：{why}。{path} cannot be written: {why}"


def no_text(path: Path, error: UnicodeDecodeError) -> str:
    """What is said of a file that is to be text."""
    at = error.start
    return f"{path} 不是 UTF-8 文本：第 {at} 字节。{path} is not text in UTF-8: byte {at}"
