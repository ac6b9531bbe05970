"""What a device is, is said once: no later report, nor another host, makes it dearer or larger."""

from collections.abc import Callable

import pytest
from fixtures_ingest import MINUTE_MS, START_UTC_MS, ReportingHost, enrol, stored_sums, sums_of
from kashi.v1 import report_pb2
from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.sequence import QuarantineReason, Verdict
from kashi_server.errors import Refused
from kashi_server.services.authority import Keyring
from kashi_server.services.fsck import check_facts
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Answer, Ingestion, Result, Submission
from kashi_server.services.restoration import Decision, Restoration
from kashi_server.storage.unit_of_work import Work

HOST = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
DEAR = "NVIDIA B300"
DECISION = Decision(officer="officer-1", why="the driver was renamed")
Describe = Callable[[report_pb2.Device], None]


def send(
    ingestion: Ingestion, host: ReportingHost, *wires: bytes, state: HostState = HostState.ACTIVE
) -> list[Result]:
    """Submit reports of one host; what became of each."""
    (answer,) = ingestion.ingest([Submission(host.standing(state), wires)])
    assert isinstance(answer, Answer)
    return list(answer.results)


def described(host: ReportingHost, change: Describe, minutes: int = 5) -> bytes:
    """The next report of a host, its devices described otherwise."""

    def spoil(_header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
        for block in blocks:
            change(block.device)

    return host.report(minutes, change=spoil)


def dear(device: report_pb2.Device) -> None:
    """A model with a higher price."""
    device.model = DEAR


def seventh(device: report_pb2.Device) -> None:
    """A seventh of a card."""
    device.parent_hardware_id = "GPU-parent"
    device.share_numerator, device.share_denominator = 1, 7


def half(device: report_pb2.Device) -> None:
    """Half of a card."""
    seventh(device)
    device.share_denominator = 2


def record(work: Work, hardware_id: str = "GPU-a") -> DeviceRecord:
    """The device as rating sees it."""
    with work.begin(writes=False) as unit:
        (found,) = unit.facts.devices([hardware_id])
    return found


@pytest.fixture
def host(work: Work) -> ReportingHost:
    """An enrolled host with one device."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    return host


@pytest.mark.parametrize("minutes", [5, 0])
@pytest.mark.parametrize(("was", "now"), [(lambda _device: None, dear), (seventh, half)])
def test_last_report_does_not_reprice_a_month(
    work: Work,
    ingestion: Ingestion,
    host: ReportingHost,
    was: Describe,
    now: Describe,
    minutes: int,
) -> None:
    """A dearer model or a larger share in a later report, even an empty one, is quarantined."""
    send(ingestion, host, described(host, was))
    before = record(work)

    (result,) = send(ingestion, host, described(host, now, minutes))

    assert result.judgement.reason is QuarantineReason.DESCRIPTION
    assert record(work) == before


def test_restarted_server_remembers(
    work: Work, keyring: Keyring, clock: Callable[[], int], host: ReportingHost
) -> None:
    """The description is compared with what is stored, not only with what is in memory."""
    send(Ingestion(work, keyring.receipt_key, clock, demo=False), host, host.report())

    restarted = Ingestion(work, keyring.receipt_key, clock, demo=False)
    results = send(restarted, host, host.report(), described(host, dear))

    assert [one.judgement.reason for one in results] == [None, QuarantineReason.DESCRIPTION]


def test_quarantined_report_describes_nothing(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """A report that does not count, of a held host, leaves model and share as they were."""
    send(ingestion, host, host.report())
    before = record(work)

    (result,) = send(ingestion, host, described(host, dear), state=HostState.HELD)

    assert result.judgement.verdict is Verdict.QUARANTINED
    assert record(work) == before


def test_another_host_does_not_redescribe_a_device(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """A host that says to hold another's card, as a dearer one, changes nothing of it.

    And the answer does not tell what the other host says of the card.
    """
    send(ingestion, host, host.report())
    before = record(work)
    thief = ReportingHost(OTHER, ["GPU-a"], utc_ms=START_UTC_MS + 30 * MINUTE_MS)
    enrol(work, thief)

    (result,) = send(ingestion, thief, described(thief, dear))

    assert result.judgement.reason is QuarantineReason.DESCRIPTION
    assert before.model not in result.judgement.detail
    assert record(work) == before


def test_released_host_cannot_smuggle_a_description(
    work: Work, ingestion: Ingestion, clock: Callable[[], int], host: ReportingHost
) -> None:
    """Release counts what a held host sent, but not what describes a device in two ways."""
    first, second = described(host, seventh), described(host, half)
    send(ingestion, host, first, second, state=HostState.HELD)

    restored = Restoration(work, clock).restore_host(HOST, DECISION)

    assert restored.counted == [(1, 1)]
    assert [judgement.reason for _place, judgement in restored.refused] == [
        QuarantineReason.DESCRIPTION
    ]
    assert (record(work).share_numerator, record(work).share_denominator) == (1, 7)
    assert stored_sums(work) == sums_of([first])


def test_officer_may_let_a_new_model_name_count(
    work: Work,
    keyring: Keyring,
    ingestion: Ingestion,
    clock: Callable[[], int],
    host: ReportingHost,
) -> None:
    """A driver that renames a model is let in once, and what follows counts by itself."""
    send(ingestion, host, host.report())
    send(ingestion, host, described(host, dear))

    Restoration(work, clock).restore_report(HOST, (1, 2), DECISION)
    (after,) = send(ingestion, host, described(host, dear))

    assert after.judgement.verdict is Verdict.ACCEPTED
    assert record(work).model == DEAR
    assert check_facts(work, keyring.receipt_key.public_key()).differences == []


def test_no_officer_makes_a_part_larger(
    work: Work, ingestion: Ingestion, clock: Callable[[], int], host: ReportingHost
) -> None:
    """What part of a card a device is stays as it was settled, whoever decides."""
    send(ingestion, host, described(host, seventh))
    send(ingestion, host, described(host, half))

    with pytest.raises(Refused, match="share_denominator"):
        Restoration(work, clock).restore_report(HOST, (1, 2), DECISION)
