"""The stateful test of the host is not blind: spools with one safeguard taken out fail it."""

from collections.abc import Callable

import pytest
from fixtures_spool import SimulatedDisk
from host_machine import HostMachine
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from kashi_agent.spool import journal
from kashi_agent.spool.segments import SegmentLog
from kashi_agent.spool.spool import Spool

EXAMPLES = 400
"""A mutant must be caught within so many histories, or the test is blind."""


def without_fsync(patch: pytest.MonkeyPatch) -> None:
    """Frames are written and never made durable."""
    patch.setattr(SegmentLog, "sync", lambda self: self._unsynced.clear())


def without_folder_fsync(patch: pytest.MonkeyPatch) -> None:
    """New files are never made durable in their folder."""
    patch.setattr(SimulatedDisk, "sync_folder", lambda _self: None)


def frees_before_sealing(patch: pytest.MonkeyPatch) -> None:
    """The journal lets go of stretches before the report that carries them is durable."""

    def settle(self: Spool, journal_through: int) -> None:
        patch.setattr(self.sealed._log, "sync", lambda: None)
        self.journal.release(journal_through)

    patch.setattr(Spool, "settle", settle)


def replaces_nothing(patch: pytest.MonkeyPatch) -> None:
    """A frame of an open minute no longer replaces the one before it."""
    patch.setattr(journal, "_replaces", lambda _placed, _earlier: False)


@pytest.mark.parametrize(
    "mutate", [without_fsync, without_folder_fsync, frees_before_sealing, replaces_nothing]
)
def test_a_spool_without_a_safeguard_is_caught(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mutant fails within the examples."""
    mutate(monkeypatch)

    with pytest.raises((AssertionError, ValueError)):
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
