"""A program under the system call filter of a systemd unit, without systemd running.

The calls are those that `systemd-analyze syscall-filter` lists for the unit's own lines, the filter
is the kernel's, put in place by libseccomp as systemd does it; SystemCallErrorNumber is EPERM in
all units. Settings of a unit that refuse calls of their own (ProtectClock and its like) are heeded.

    python unit_filter.py UNIT PROGRAM [ARGUMENT ...]
"""

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_OWN_REFUSALS = {
    "ProtectClock": "@clock",
    "ProtectKernelModules": "@module",
    "PrivateDevices": "@raw-io",
}
"""What systemd.exec(5) says these settings refuse, whatever SystemCallFilter allows."""


def allowed_calls(unit: Path) -> frozenset[str]:
    """The system calls that a unit with an allow-list leaves to its program, by name."""
    allowed = set(members("@default"))  # systemd.exec(5): allowed by every allow-list
    refused: set[str] = set()
    for name, value in _settings(unit):
        if name == "SystemCallFilter" and value.startswith("~"):
            allowed -= _named(value[1:])
        elif name == "SystemCallFilter":
            allowed |= _named(value)
        elif name in _OWN_REFUSALS and value == "yes":
            refused |= members(_OWN_REFUSALS[name])
    return frozenset(allowed - refused)


def members(group: str) -> frozenset[str]:
    """The calls of a group of systemd's, and of the groups in it."""
    return _named(" ".join(_groups()[group]))


def usable() -> bool:
    """Whether the library is there; systemd itself depends on it."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def main(unit: str, *argv: str) -> None:
    """Put the filter of a unit in place and become the program."""
    calls = allowed_calls(Path(unit))
    library = ctypes.CDLL(LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_REFUSE)))
    for name in calls:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others are of another architecture
            done = library.seccomp_rule_add_array(context, ctypes.c_uint32(_ALLOW), number, 0, None)
            assert done == 0, name
    loaded = library.seccomp_load(context)
    if loaded != 0:
        raise OSError(-loaded, "the kernel takes no filter")
    os.execvp(argv[0], argv)


@cache
def _groups() -> dict[str, list[str]]:
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    groups: dict[str, list[str]] = {}
    for line in listed.splitlines():
        if line.startswith("@"):
            groups[line] = []
        elif groups and line.startswith("    ") and not line.strip().startswith("#"):
            groups[list(groups)[-1]].append(line.strip())
    return groups


def _named(value: str) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for name in value.split():
        found |= members(name) if name.startswith("@") else {name}
    return found


def _settings(unit: Path) -> Iterator[tuple[str, str]]:
    for line in unit.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield name, value


if __name__ == "__main__":
    main(*sys.argv[1:])
