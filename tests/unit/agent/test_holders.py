"""Holders from /proc: a tree of files made for the test."""

import os
import subprocess
from pathlib import Path

import pytest
from host_tree import ProcTree
from kashi_agent.holders import (
    LOOK_AGAIN_TICKS,
    HolderBook,
    command_of,
    holder_of,
    start_ticks_of,
    uid_of,
)
from kashi_agent.holding.labels import Labels, pod_name, user_name
from kashi_agent.sample import Absent, AbsentReason, Holder, HolderKind

CONTAINER = "0123456789abcdef" * 4
JOB = "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n"
USER = Holder(HolderKind.USER, "1000")


def held(book: HolderBook, *pids: int) -> set[Holder]:
    """Holders of processes in the host's own pid namespace."""
    found = book.holders(pids)
    assert isinstance(found, frozenset)
    return set(found)


@pytest.fixture
def proc(tmp_path: Path) -> ProcTree:
    """A /proc in the host's first pid namespace."""
    return ProcTree(tmp_path / "proc")


@pytest.mark.parametrize(
    ("cgroups", "uid", "holder"),
    [
        (f"0::/docker/{CONTAINER}\n", 1_000, Holder(HolderKind.CONTAINER, CONTAINER)),
        ("0::/system.slice/vllm.service\n", 998, Holder(HolderKind.UNIT, "vllm.service")),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", 1_000, USER),
        ("0::/system.slice/sshd.service\n", 1_000, USER),
        ("0::/\n", 1_000, USER),
        ("", 1_000, USER),
        ("0::/\n", 0, Holder(HolderKind.PROCESS, "42@777")),
        ("", None, Holder(HolderKind.PROCESS, "42@777")),
    ],
)
def test_a_process_belongs_to_what_the_kernel_says(
    cgroups: str, uid: int | None, holder: Holder
) -> None:
    """What control groups name comes before the user, the user before the process itself."""
    assert holder_of(pid=42, start_ticks=777, uid=uid, cgroups=cgroups) == holder


def test_stat_is_read_behind_the_commands_brackets() -> None:
    """A command may hold spaces and brackets; what is cut short gives nothing."""
    fields = " ".join(["S", *["1"] * 18, "98765", "0"])

    assert start_ticks_of(f"42 (evil) S 1 (x) {fields}") == 98_765
    assert start_ticks_of("42 (x) S 1 2 3") is None
    assert start_ticks_of("") is None
    assert command_of(f"42 (evil) S 1 (x) {fields}") == "evil) S 1 (x"


def test_the_real_user_counts_not_the_effective_one() -> None:
    """A program that gained rights is still its user's."""
    assert uid_of("Name:\tx\nUid:\t1000\t0\t0\t0\n") == 1_000
    assert uid_of("") is None


@pytest.mark.parametrize("end", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_a_program_cannot_write_its_user_into_its_name(end: str) -> None:
    """The kernel escapes line feeds in a program's name, not what else may end a line."""
    assert uid_of(f"Name:\tx{end}Uid: 0\nUid:\t1000\t0\t0\t0\n") == 1_000


def test_a_reused_pid_is_another_process(proc: ProcTree) -> None:
    """S20: pid and start time together name a process; one that ended lends no name on."""
    book = HolderBook(proc.root)
    proc.write(42, start_ticks=777, uid=1_000)
    first = held(book, 42)
    proc.write(42, start_ticks=778, uid=2_000)

    assert first == {USER}
    assert held(book, 42) == {Holder(HolderKind.USER, "2000")}


def test_a_process_that_ended_but_is_listed_still_keeps_its_holder(proc: ProcTree) -> None:
    """P5: the driver may list a process after its end; it was that holder's and still is."""
    book = HolderBook(proc.root)
    proc.write(42)
    held(book, 42)
    proc.end(42)

    assert held(book, 42) == {USER}
    book.keep_only(set())
    assert held(book, 42) == {Holder(HolderKind.PROCESS, "42@ended")}


def test_a_process_that_ended_before_it_was_looked_up_is_a_holder_without_a_name(
    proc: ProcTree,
) -> None:
    """S21: it held the device when the driver listed it; a later one of its pid is not it."""
    book = HolderBook(proc.root)
    before = held(book, 42)
    proc.write(42, start_ticks=900)

    assert before == {Holder(HolderKind.PROCESS, "42@ended")}
    assert held(book, 42) == {USER}


def test_a_process_that_ends_while_it_is_read_is_taken_for_no_other(
    proc: ProcTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21, S20: the files of one process are read through one handle on its folder; one that takes
    its pid in between is never mixed in."""
    proc.write(42, start_ticks=777, uid=1_000, cgroup=JOB)
    real_open = os.open

    def open_and_replace(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        handle = real_open(path, flags, dir_fd=dir_fd)
        if path.endswith("/42"):
            (proc.root / "42").rename(proc.root / "gone")
            proc.write(42, start_ticks=778, uid=2_000)
        return handle

    monkeypatch.setattr(os, "open", open_and_replace)

    assert held(HolderBook(proc.root), 42) == {Holder(HolderKind.SLURM_JOB, "7")}


def test_a_process_that_ends_before_all_is_read_has_no_name(
    proc: ProcTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S21: without its control groups a job's process would pass for its user's."""
    proc.write(42, cgroup=JOB)
    real_open = os.open

    def open_and_end(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if path == "cgroup":
            proc.end(42)
        return real_open(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", open_and_end)

    assert held(HolderBook(proc.root), 42) == {Holder(HolderKind.PROCESS, "42@ended")}


def test_processes_of_one_holder_are_one_holder(proc: ProcTree) -> None:
    """Eight ranks of one user's job hold a device once."""
    for pid in range(100, 108):
        proc.write(pid, cgroup=JOB)

    assert held(HolderBook(proc.root), *range(100, 108)) == {Holder(HolderKind.SLURM_JOB, "7")}


def test_an_mps_server_works_for_its_clients(proc: ProcTree) -> None:
    """S24, U13: beside clients the server is no holder; alone it is what keeps the device."""
    proc.write(10, uid=0, command="nvidia-cuda-mps", cgroup="0::/system.slice/mps.service\n")
    proc.write(11, uid=1_000)
    proc.write(12, uid=2_000)
    book = HolderBook(proc.root)

    assert held(book, 10, 11, 12) == {USER, Holder(HolderKind.USER, "2000")}
    assert held(book, 10) == {Holder(HolderKind.UNIT, "mps.service")}


@pytest.mark.parametrize(
    ("uid", "cgroup", "serves"),
    [
        (1_000, "0::/system.slice/mps.service\n", True),
        (0, f"0::/kubepods/pod{'0f' * 16}/{CONTAINER}\n", True),
        (1_000, "0::/user.slice/user-1000.slice/session-3.scope\n", False),
        (1_000, JOB, False),
        (1_000, f"0::/docker/{CONTAINER}\n", False),
    ],
)
def test_not_everybody_who_takes_its_name_is_an_mps_server(
    uid: int, cgroup: str, serves: bool, proc: ProcTree
) -> None:
    """U13: a user's process that calls itself one stays a holder beside others; a service's server
    is one whoever it runs as, and a daemon's in a pod."""
    proc.write(10, uid=uid, command="nvidia-cuda-mps", cgroup=cgroup)
    proc.write(11, uid=2_000)

    assert len(held(HolderBook(proc.root), 10, 11)) == (1 if serves else 2)


def test_a_process_that_root_moves_is_found_again(proc: ProcTree) -> None:
    """What stays of a process is looked at anew once a minute, not every second."""
    proc.write(42)
    book = HolderBook(proc.root)
    held(book, 42)
    (proc.root / "42" / "cgroup").write_text(JOB)
    seen = []
    for _ in range(LOOK_AGAIN_TICKS + 1):
        seen.append(book.holder(42))
        book.keep_only({42})

    assert seen[:-1] == [USER] * LOOK_AGAIN_TICKS
    assert seen[-1] == Holder(HolderKind.SLURM_JOB, "7")


def test_a_process_that_exits_out_of_its_groups_keeps_its_holder(proc: ProcTree) -> None:
    """P5: on version 1 an exiting process stands in no group; stuck in the driver it stays
    listed for hours, and is still its job's."""
    proc.write(42, cgroup=JOB)
    book = HolderBook(proc.root)
    held(book, 42)
    proc.write(42, cgroup="0::/\n")
    for _ in range(2 * LOOK_AGAIN_TICKS):
        book.keep_only({42})

        assert book.holder(42) == Holder(HolderKind.SLURM_JOB, "7")


def test_in_another_pid_namespace_nothing_is_guessed(tmp_path: Path) -> None:
    """P1: driver pids are the host's: seen from a container they are tied to nothing that is here,
    and an empty list says nothing either."""
    proc = ProcTree(tmp_path, namespace="pid:[4026532000]")
    proc.write(42)
    book = HolderBook(proc.root)
    foreign = Absent(AbsentReason.FOREIGN_PID_NAMESPACE)

    assert book.holders([42]) == foreign
    assert book.holders([]) == foreign
    assert book.holder(42) == foreign


def test_without_a_namespace_to_read_nothing_is_guessed(tmp_path: Path) -> None:
    """P1: what cannot be shown to be the host's namespace is treated as foreign."""
    (tmp_path / "1").mkdir()

    assert isinstance(HolderBook(tmp_path).holders([1]), Absent)


def test_processes_that_are_hidden_are_not_called_ended(proc: ProcTree) -> None:
    """Where /proc hides other users' processes not even the first one can be seen: somebody holds
    the device, and nobody knows who."""
    proc.end(1)

    assert held(HolderBook(proc.root), 42) == {Holder(HolderKind.PROCESS, "42@hidden")}


def test_a_real_process_has_a_holder() -> None:
    """The kernel's own files are read as the test's are."""
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            book = HolderBook(Path("/proc"))
            first = book.holder(sleeper.pid)
            again = book.holder(sleeper.pid)
        finally:
            sleeper.kill()

    if book.sees_host_pids:
        assert isinstance(first, Holder)
        assert first == again
        assert first.name != f"{sleeper.pid}@ended"
    else:
        assert first == again == Absent(AbsentReason.FOREIGN_PID_NAMESPACE)


def test_labels_come_with_the_holder(proc: ProcTree, tmp_path: Path) -> None:
    """A user's name from the password file; it makes no other holder of the user."""
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0::/root:/bin/sh\nlihua:x:1000:100::/home/lihua:/bin/sh\n")
    proc.write(42)
    labels = Labels(passwd=passwd, pod_logs=tmp_path / "absent")

    found = HolderBook(proc.root, labels).holder(42)

    assert found == USER
    assert isinstance(found, Holder)
    assert found.label == "lihua"


def test_a_pod_is_called_by_its_namespace_and_name(tmp_path: Path) -> None:
    """The kubelet names its folder of logs namespace_name_uid; without one a pod has no label."""
    (tmp_path / "team-a_train-0_uid-1").mkdir()
    labels = Labels(passwd=tmp_path / "absent", pod_logs=tmp_path)

    assert labels.of(HolderKind.POD, "uid-1") == "team-a/train-0"
    assert labels.of(HolderKind.POD, "uid-2") == ""
    assert labels.of(HolderKind.USER, "1000") == ""
    assert labels.of(HolderKind.CONTAINER, CONTAINER) == ""
    assert pod_name(["a_b", "c"], "b") == ""
    assert user_name("broken\n", "1000") == ""
