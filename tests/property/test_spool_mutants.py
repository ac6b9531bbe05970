"""The tests of durability are not blind: spools with one safeguard taken out fail them.

Each mutant names what must notice it: power cuts before every disk operation, histories of a host
and its server, damage to files, or a host set back to a snapshot.
"""

import copy
from collections.abc import Callable, Iterable
from functools import partial

import damage
import pytest
import spool_mutants as mutants
from driven_host import driven
from fixtures_spool import SimulatedDisk
from host_machine import HostMachine
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from kashi_agent.errors import AgentError
from power_cuts import explored

POINTS = 2_000
"""A mutant must be caught within so many power cuts, or the test is blind."""
EXAMPLES = 400
"""The same, in histories."""

Check = Callable[[], object]


def power_cuts() -> None:
    """Cuts before every disk operation, each once: more histories for as many points."""
    explored(POINTS, chances=1)


def histories() -> None:
    """Anything that may happen to a host, in any order."""
    run_state_machine_as_test(
        HostMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            database=None,
            print_blob=False,
        ),
    )


def flipped_bytes(stride: int = 13) -> None:
    """One byte in so many of every segment, each alone; what is read must be what was written."""
    disk = damage.worn().host.disk
    for name in damage.segment_files(disk):
        for offset in range(0, disk.size(name), stride):
            cost = damage.after(partial(SimulatedDisk.flip, name=name, offset=offset))
            assert cost.repaired_bytes, (name, offset)


def removed(disk: SimulatedDisk, names: Iterable[str]) -> None:
    """Take files away."""
    for name in names:
        disk.remove(name)


def lost_files() -> None:
    """Each segment gone, and all of a log."""
    disk = damage.worn().host.disk
    for log in ("journal", "sealed"):
        names = damage.segment_files(disk, log)
        for lost in (*((name,) for name in names), names):
            cost = damage.after(partial(removed, names=lost))
            assert log == "sealed" or cost.hole_ms == 0
            assert cost.gap_ms >= 7_500


def failed_fsync() -> None:
    """One fsync of the journal fails, the next say that all is well, and the power goes."""
    for seed in range(20):
        host = driven(seed, 1 << 12)
        host.live(101)
        failures = [OSError(5, "simulated")]
        host.disk.fail = partial(_pop_once, failures)
        while failures:
            host.live(1)
        cut_ms = host.clock.boottime
        host.disk.fail = lambda _operation, _name: None
        host.disk.power_cut()
        host.start()
        host.live(600)
        host.ship()
        for account in host.server.accounts().values():
            ((_, start, _, _),) = account.gaps
            assert start >= cut_ms - 1_000, "what was said to be durable is gone"


def _pop_once(failures: list[OSError], operation: str, name: str) -> OSError | None:
    due = failures and operation == "sync" and name.startswith("journal-")
    return failures.pop() if due else None


def server_restored() -> None:
    """A server goes back to a backup of weeks ago: what it lost is still here, acknowledged or
    not."""
    host = driven(4, 1 << 10)
    for _ in range(6):
        host.live(600)
        host.ship()
        host.agent.spool.free()
    host.server.restore(1)
    host.live(600)
    host.ship()
    for account in host.server.accounts().values():
        assert not account.gaps
        assert account.observed_ms >= 3_600_000


def set_back() -> None:
    """A host set back to a snapshot of itself, which the server then knows more of."""
    host = driven(3, 1 << 12)
    host.live(700)
    host.ship()
    snapshot = copy.deepcopy((host.disk._files, host.disk._folder))
    host.live(900)
    host.ship()
    held = len(host.server.stored)
    host.kill()
    host.disk._files, host.disk._folder = snapshot
    host.clock.advance(20_000)
    host.start()
    began = host.clock.boottime
    host.live(700)
    host.agent.ship(host.server, calls_max=100)

    (opening,) = host.server.openings()
    assert opening.last_sequence < held
    new = host.server.stored[held:]
    ends = [host.server.header(stored).end_boottime_ms for stored in new]
    assert ends == sorted(ends)
    assert ends[-1] >= began + 400_000
    assert not host.server._forks


@pytest.mark.parametrize(
    ("mutate", "notices"),
    [
        (mutants.without_fsync, power_cuts),
        (mutants.without_folder_fsync, power_cuts),
        (mutants.without_checksum, flipped_bytes),
        (mutants.cursor_before_receipts, power_cuts),
        (mutants.frees_before_sealing, power_cuts),
        (mutants.replaces_nothing, power_cuts),
        (mutants.restart_replaces_one_frame, histories),
        (mutants.restart_leaves_frames_open, power_cuts),
        (mutants.seals_twice_after_restart, histories),
        (mutants.leaves_holes, lost_files),
        (mutants.believes_a_second_fsync, failed_fsync),
        (mutants.numbers_begin_anew, lost_files),
        (mutants.a_number_is_used_when_durable, histories),
        (mutants.coarsens_what_stands, power_cuts),
        (mutants.coarsens_sealed_reports, histories),
        (mutants.drops_when_full, histories),
        (mutants.opens_no_epoch, set_back),
        (mutants.frees_without_receipt, server_restored),
    ],
    ids=lambda function: function.__name__,
)
def test_a_spool_without_a_safeguard_is_caught(
    mutate: Callable[[pytest.MonkeyPatch], None],
    notices: Check,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each mutant fails what is to notice it."""
    damage.worn()  # made by the true spool
    mutate(monkeypatch)

    with pytest.raises((AssertionError, ValueError, AgentError)):
        notices()


def few_flipped_bytes() -> None:
    """What `flipped_bytes` does, at fewer places: all of them take minutes where none is caught."""
    flipped_bytes(stride=211)


@pytest.mark.parametrize(
    "check",
    [power_cuts, few_flipped_bytes, lost_files, set_back, server_restored, failed_fsync],
)
def test_the_true_spool_passes(check: Check) -> None:
    """What notices mutants finds nothing in the spool as it is."""
    check()
