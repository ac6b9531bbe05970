"""A release restores no more than ingestion would have counted: the rules of the chain hold."""

import pytest
from fixtures_ingest import ReportingHost, enrol
from kashi import limits
from kashi_server.domain.sequence import Judgement, QuarantineReason
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.restoration import Restored
from kashi_server.storage.unit_of_work import Work
from released_hosts import release

HOST = "11111111-0000-4000-8000-000000000001"
LIMIT = limits.EPOCHS_PER_DAY_MAX


@pytest.fixture
def host(work: Work, ingestion: Ingestion) -> ReportingHost:
    """A host with three cards, of which one report counts."""
    host = ReportingHost(HOST, ["GPU-a", "GPU-b", "GPU-c"])
    enrol(work, host)
    assert send(ingestion, host, host.report()).reason is None
    return host


def send(
    ingestion: Ingestion, host: ReportingHost, wire: bytes, *, held: bool = False
) -> Judgement:
    """What the server says of one report."""
    state = HostState.HELD if held else HostState.ACTIVE
    (answer,) = ingestion.ingest([Submission(host.standing(state), [wire])])
    assert isinstance(answer, Answer)
    return answer.results[0].judgement


def released(work: Work, now_ms: int) -> Restored:
    """Two officers released the host that one of them held; what that restores."""
    HostKeeping(work, lambda: now_ms).hold(HOST, "officer-a", "odd")
    return release(work, lambda: now_ms, HOST)


def reasons(restored: Restored) -> dict[tuple[int, int], QuarantineReason | None]:
    """Why places do not count."""
    return {place: judgement.reason for place, judgement in restored.refused}


def test_a_hold_lets_no_more_epochs_a_day_count(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """Twelve epochs opened within a day while it was held: as many count as would have without."""
    last = LIMIT + 5
    for epoch in range(2, last + 1):
        assert send(ingestion, host, host.open_epoch(epoch), held=True).reason is not None

    restored = released(work, host.utc_ms)

    assert restored.counted == [(epoch, 1) for epoch in range(2, LIMIT + 2)]
    assert reasons(restored) == {
        (epoch, 1): QuarantineReason.EPOCH_LIMIT for epoch in range(LIMIT + 2, last + 1)
    }


def test_a_hold_lets_no_slot_go_to_another_card(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """Cards that swapped their numbers while held, the last report before without one of them: it
    does not count; what keeps its numbers does."""
    host.hardware_ids = ["GPU-a", "GPU-b"]
    send(ingestion, host, host.report(), held=True)
    host.hardware_ids = ["GPU-a", "GPU-b", "GPU-x"]
    send(ingestion, host, host.report(), held=True)
    host.hardware_ids = ["GPU-b", "GPU-a"]
    send(ingestion, host, host.report(), held=True)

    restored = released(work, host.utc_ms)

    assert restored.counted == [(1, 2)]
    assert reasons(restored) == {
        (1, 3): QuarantineReason.COUNTERS,
        (1, 4): QuarantineReason.COUNTERS,
    }
    details = [judgement.detail for _place, judgement in restored.refused]
    assert details == ["slot 2 was GPU-c and is now GPU-x", "slot 0 was GPU-a and is now GPU-b"]


def test_a_card_that_came_back_to_its_slot_counts(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """Away for a report, and there again while held; a new card takes a new number."""
    host.hardware_ids = ["GPU-a"]
    send(ingestion, host, host.report(), held=True)
    host.hardware_ids = ["GPU-a", "GPU-b", "GPU-c", "GPU-d"]
    send(ingestion, host, host.report(), held=True)

    restored = released(work, host.utc_ms)

    assert (restored.counted, restored.refused) == ([(1, 2), (1, 3)], [])
