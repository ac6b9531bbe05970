"""A rule that came later costs no host its chain, no release and no stored report."""

import pytest
from fixtures_identity import SteppedClock
from fixtures_ingest import ReportingHost, enrol
from kashi import limits
from kashi.v1 import report_pb2
from kashi_server.domain.sequence import Judgement, QuarantineReason, Verdict
from kashi_server.services.authority import Keyring
from kashi_server.services.fsck import check_facts
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.restoration import Restored
from kashi_server.storage.unit_of_work import Work
from released_hosts import release

HOST = "11111111-0000-4000-8000-000000000001"
NVML, REPLAY = report_pb2.METER_KIND_NVML, report_pb2.METER_KIND_REPLAY


@pytest.fixture
def host(work: Work) -> ReportingHost:
    """An enrolled host with one card."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    return host


def slow(host: ReportingHost, cadence_ms: int) -> bytes:
    """The next report, of a meter that looks so seldom."""

    def change(header: report_pb2.ReportHeader, _blocks: list[report_pb2.DeviceBlock]) -> None:
        header.meters[0].cadence_ms = cadence_ms

    return host.report(change=change)


def send(
    ingestion: Ingestion, host: ReportingHost, wire: bytes, *, held: bool = False
) -> Judgement:
    """What the server says of one report."""
    state = HostState.HELD if held else HostState.ACTIVE
    (answer,) = ingestion.ingest([Submission(host.standing(state), [wire])])
    assert isinstance(answer, Answer)
    return answer.results[0].judgement


def released(work: Work, clock: SteppedClock) -> Restored:
    """Two officers released the host that one of them held; what that restores."""
    HostKeeping(work, clock).hold(HOST, "officer-a", "odd")
    return release(work, clock, HOST)


@pytest.mark.parametrize(
    ("meter", "cadence_ms", "reason"),
    [
        (NVML, limits.LIVE_CADENCE_MS_MAX, None),
        (NVML, limits.LIVE_CADENCE_MS_MAX + 1, QuarantineReason.CADENCE),
        (NVML, 0, QuarantineReason.CADENCE),
        (REPLAY, limits.CADENCE_MS_MAX, None),
        (REPLAY, limits.CADENCE_MS_MAX + 1, QuarantineReason.CADENCE),
    ],
)
def test_a_report_of_a_slow_meter_waits_and_its_chain_goes_on(
    work: Work,
    keyring: Keyring,
    clock: SteppedClock,
    meter: int,
    cadence_ms: int,
    reason: QuarantineReason | None,
) -> None:
    """It consumes its sequence, whatever its agent would send again; the next report counts."""
    host = ReportingHost(HOST, ["GPU-a"], meter=meter)
    enrol(work, host)
    ingestion = Ingestion(work, keyring.receipt_key, clock, demo=True)

    said = [send(ingestion, host, slow(host, cadence_ms)), send(ingestion, host, host.report())]

    assert [one.reason for one in said] == [reason, None]
    assert said[1].verdict is Verdict.ACCEPTED
    assert check_facts(work, keyring.receipt_key.public_key()).differences == []


def test_a_release_refuses_the_report_of_a_slow_meter_alone(
    work: Work, ingestion: Ingestion, host: ReportingHost, clock: SteppedClock
) -> None:
    """What else was sent while the host was held counts."""
    send(ingestion, host, host.report())
    for wire in (host.report(), slow(host, 10_000), host.report()):
        assert send(ingestion, host, wire, held=True).reason is QuarantineReason.HOST_HELD

    restored = released(work, clock)

    assert restored.counted == [(1, 2), (1, 4)]
    assert [(at, one.reason) for at, one in restored.refused] == [
        ((1, 3), QuarantineReason.CADENCE)
    ]


def test_a_release_outlives_a_form_that_became_stricter(
    work: Work,
    ingestion: Ingestion,
    host: ReportingHost,
    clock: SteppedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stored report that today's form would not take is one refused place, not the end of it."""
    for wire in (host.report(), host.report(9), host.report()):
        assert send(ingestion, host, wire, held=True).stores
    monkeypatch.setattr(limits, "READINGS_PER_REPORT_MAX", 8)

    restored = released(work, clock)

    assert restored.counted == [(1, 1), (1, 3)]
    assert [(at, one.detail) for at, one in restored.refused] == [
        ((1, 2), "9 readings; at most 8 are allowed")
    ]


def test_what_an_earlier_server_accepted_is_no_damage(
    work: Work,
    ingestion: Ingestion,
    host: ReportingHost,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A report that counted before meters were bound to 5 s: fsck finds the store whole."""
    with monkeypatch.context() as before:
        before.setattr(limits, "LIVE_CADENCE_MS_MAX", 60_000)
        assert send(ingestion, host, slow(host, 10_000)).verdict is Verdict.ACCEPTED

    assert send(ingestion, host, host.report()).verdict is Verdict.ACCEPTED
    assert check_facts(work, keyring.receipt_key.public_key()).differences == []
