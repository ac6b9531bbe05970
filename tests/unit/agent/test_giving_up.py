"""Whatever the server's form refuses of a report, giving it up gets past it."""

from collections.abc import Callable

import pytest
from driven_host import HOST_ID, driven
from kashi.chain import parse_report
from kashi.v1 import report_pb2
from kashi_agent.lost_time import lost
from kashi_agent.spool import Spool
from kashi_agent.unsealing import unseal

EARLY_MS = 3_600_000 + 300_000
Said = Callable[[report_pb2.ReportHeader], bool]


@pytest.mark.parametrize(
    ("refused", "gaps"),
    [(lambda header: bool(header.meters), True), (lambda _header: True, False)],
    ids=["its meters", "whatever it says"],
)
def test_a_refused_report_holds_up_none_that_follows(refused: Said, gaps: bool) -> None:
    """A gap stands for it that states no meters; where that is refused too, the next report states
    the gap of the devices it speaks of."""
    host = driven()

    def reject(wire: bytes) -> bool:
        header = parse_report(wire)[1]
        start, end = header.start_boottime_ms, header.end_boottime_ms
        return EARLY_MS <= start < end <= EARLY_MS + 300_000 and refused(header)

    host.server.reject = reject
    host.live(1_500)
    host.ship()

    told = [unseal(stored.wire) for stored in host.server.stored]
    assert told[-1].end_boottime_ms > EARLY_MS + 600_000
    assert any(one == lost(one) for one in told) is gaps
    assert [one.end_boottime_ms for one in told[:-1]] == [one.start_boottime_ms for one in told[1:]]
    for account in host.server.accounts().values():
        assert account.gap_ms == 300_000
        lived_ms = told[-1].end_boottime_ms - told[0].start_boottime_ms
        assert lived_ms - account.observed_ms - account.gap_ms in (0, 1_000)


def test_what_stood_behind_a_refused_report_is_given_up_by_its_own_refusals_alone() -> None:
    """It is sealed anew with every epoch that is opened before it: that is no refusal. Refused once
    itself it is sent again, and taken, with all that was measured."""
    host = driven()
    refused: list[int] = []

    def reject(wire: bytes) -> bool:
        header = parse_report(wire)[1]
        start, end = header.start_boottime_ms, header.end_boottime_ms
        if EARLY_MS <= start < end <= EARLY_MS + 300_000:
            return bool(header.meters)
        if start >= EARLY_MS + 300_000 and not refused:
            refused.append(start)
            return True
        return False

    host.server.reject = reject
    host.live(1_500)
    host.ship()

    told = [unseal(stored.wire) for stored in host.server.stored]
    assert refused
    assert [one.end_boottime_ms for one in told[:-1]] == [one.start_boottime_ms for one in told[1:]]
    assert {account.gap_ms for account in host.server.accounts().values()} == {300_000}


def test_an_epoch_that_is_opened_again_under_its_number_repeats_nothing_that_was_taken() -> None:
    """Its first report was rejected, so the number is free; what the server took of the second one
    is followed by what was sealed after it and nothing else, also for who reads the spool anew."""
    host = driven()
    asked: list[int] = []

    def reject(wire: bytes) -> bool:
        header = parse_report(wire)[1]
        asked.append(header.epoch)
        first_of_two = header.epoch == 2 and header.sequence == 1 and asked.count(2) == 1
        return first_of_two or (header.epoch == 1 and header.sequence == 2)

    host.server.reject = reject
    host.live(1_500)
    host.ship()
    stored = [host.server.header(one) for one in host.server.stored]
    taken = [(header.epoch, header.sequence) for header in stored]
    host.kill()
    looked = Spool(host.disk, HOST_ID)
    looked.look()

    assert asked.count(2) > 2
    for sealed in (host.agent.spool.sealed, looked.sealed):
        for place, position in enumerate(taken):
            assert [entry.position for entry in sealed.after(position)] == taken[place + 1 :]
