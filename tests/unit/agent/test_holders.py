"""Holders from /proc: a tree of files made for the test."""

from pathlib import Path

import pytest
from kashi_agent.holders import (
    INITIAL_PID_NAMESPACE,
    HolderBook,
    holder_of,
    start_ticks_of,
    uid_of,
)
from kashi_agent.sample import Holder, HolderKind

CONTAINER = "0123456789abcdef" * 4
PROCESS = Holder(HolderKind.PROCESS, "42@777")


def write_process(
    proc: Path, pid: int, *, start_ticks: int = 777, uid: int = 1_000, cgroup: str = "0::/\n"
) -> None:
    """A process as /proc shows it, with a name that makes careless parsers stumble."""
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    fields = " ".join(["S", *["1"] * 18, str(start_ticks), *["0"] * 30])
    (folder / "stat").write_text(f"{pid} (a) b (c)) {fields}\n")
    (folder / "status").write_text(f"Name:\ta) b\nUid:\t{uid}\t0\t0\t0\nGid:\t1\t1\t1\t1\n")
    (folder / "cgroup").write_text(cgroup)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc in the host's first pid namespace."""
    namespaces = tmp_path / "self" / "ns"
    namespaces.mkdir(parents=True)
    (namespaces / "pid").symlink_to(INITIAL_PID_NAMESPACE)
    return tmp_path


@pytest.mark.parametrize(
    ("cgroups", "uid", "holder"),
    [
        (
            f"0::/system.slice/docker-{CONTAINER}.scope\n",
            0,
            Holder(HolderKind.CONTAINER, CONTAINER),
        ),
        (f"0::/docker/{CONTAINER}\n", 1_000, Holder(HolderKind.CONTAINER, CONTAINER)),
        (
            f"0::/machine.slice/libpod-{CONTAINER}.scope/container\n",
            0,
            Holder(HolderKind.CONTAINER, CONTAINER),
        ),
        (
            f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{CONTAINER}.scope\n",
            0,
            Holder(HolderKind.CONTAINER, CONTAINER),
        ),
        (
            f"5:devices:/docker/{CONTAINER}\n1:name=systemd:/docker/{CONTAINER}\n0::/\n",
            0,
            Holder(HolderKind.CONTAINER, CONTAINER),
        ),
        ("0::/system.slice/vllm.service\n", 998, Holder(HolderKind.UNIT, "vllm.service")),
        (
            "4:memory:/system.slice/vllm.service\n0::/\n",
            998,
            Holder(HolderKind.UNIT, "vllm.service"),
        ),
        (
            "0::/user.slice/user-1000.slice/session-3.scope\n",
            1_000,
            Holder(HolderKind.USER, "1000"),
        ),
        ("0::/\n", 1_000, Holder(HolderKind.USER, "1000")),
        ("", 1_000, Holder(HolderKind.USER, "1000")),
        ("0::/\n", 0, PROCESS),
        ("", None, PROCESS),
        ("nonsense\n", None, PROCESS),
    ],
)
def test_a_process_belongs_to_what_the_kernel_says(
    cgroups: str, uid: int | None, holder: Holder
) -> None:
    """Container before service before user before the process itself, on both cgroup versions."""
    assert holder_of(pid=42, start_ticks=777, uid=uid, cgroups=cgroups) == holder


@pytest.mark.parametrize(
    "path",
    [
        f"/user.slice/user-1000.slice/user@1000.service/docker-{CONTAINER}.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/vllm.service",
    ],
)
def test_names_a_user_can_choose_are_not_believed(path: str) -> None:
    """Below user.slice users name their cgroups themselves: it stays the user's process."""
    holder = holder_of(pid=42, start_ticks=777, uid=1_000, cgroups=f"0::{path}\n")

    assert holder == Holder(HolderKind.USER, "1000")


def test_stat_is_read_behind_the_commands_brackets() -> None:
    """A command may hold spaces and brackets; what is cut short gives nothing."""
    fields = " ".join(["S", *["1"] * 18, "98765", "0"])

    assert start_ticks_of(f"42 (evil) S 1 (x) {fields}") == 98_765
    assert start_ticks_of("42 (x) S 1 2 3") is None
    assert start_ticks_of("") is None


def test_the_real_user_counts_not_the_effective_one() -> None:
    """A program that gained rights is still its user's."""
    assert uid_of("Name:\tx\nUid:\t1000\t0\t0\t0\n") == 1_000
    assert uid_of("") is None


def test_a_reused_pid_is_another_process(proc: Path) -> None:
    """Pid and start time together name a process; one that ended does not lend its name on."""
    book = HolderBook(proc)
    write_process(proc, 42, start_ticks=777, uid=1_000)
    first = book.holders([42])
    write_process(proc, 42, start_ticks=778, uid=2_000)

    assert first == {Holder(HolderKind.USER, "1000")}
    assert book.holders([42]) == {Holder(HolderKind.USER, "2000")}


def test_a_process_that_ended_but_is_listed_still_keeps_its_holder(proc: Path) -> None:
    """The driver may list a process after its end; it was that holder's and still is."""
    book = HolderBook(proc)
    write_process(proc, 42, uid=1_000)
    book.holders([42])
    for name in ("stat", "status", "cgroup"):
        (proc / "42" / name).unlink()

    assert book.holders([42]) == {Holder(HolderKind.USER, "1000")}
    book.keep_only(set())
    assert book.holders([42]) == {Holder(HolderKind.PROCESS, "42@ended")}


def test_processes_of_one_holder_are_one_holder(proc: Path) -> None:
    """Eight ranks of one user's job hold a device once."""
    for pid in range(100, 108):
        write_process(proc, pid, uid=1_000)

    assert HolderBook(proc).holders(range(100, 108)) == {Holder(HolderKind.USER, "1000")}


def test_in_another_pid_namespace_pids_name_nobody(tmp_path: Path) -> None:
    """Driver pids are the host's: seen from a container they must not be tied to what is here."""
    write_process(tmp_path, 42, uid=1_000)
    namespaces = tmp_path / "self" / "ns"
    namespaces.mkdir(parents=True)
    (namespaces / "pid").symlink_to("pid:[4026532000]")

    assert HolderBook(tmp_path).holders([42]) == {Holder(HolderKind.PROCESS, "42")}
