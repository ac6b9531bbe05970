"""The four ways in which a host and its server fall apart, between the real processes.

A host gets a past by the real agent code on an injected clock; then something breaks, and the real
`kashi-agent run` meets the real `kashi-server serve`. Nobody does anything by hand: the sequence
rules alone bring both together again, and the office sees that it happened.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from agent_process import AgentProcess
from fixtures_ingest import stored_sums
from fixtures_server import KashiServer
from kashi.v1 import report_pb2
from kashi_agent.chain_link import EpochReason
from kashi_agent.reading import GapReason
from kashi_agent.spool.frame import Damage, Found, encode_frame, scan_frames
from kashi_agent.spool.sealed import KIND_REPORT, SealedReport, _decode, _encode
from kashi_agent.unsealing import unseal
from kashi_server.bootstrap import opened
from kashi_server.services.acts import LOG_KIND
from office import Office, office_of
from prepared_host import MINUTE_MS, MinuteTruth, PreparedHost, prepared_host
from stored_books import Books, books_of, differences, stored_reports

Agents = Callable[[Path], AgentProcess]
QUARANTINED = 5


@pytest.fixture
def host(
    request: pytest.FixtureRequest, shared: KashiServer, tmp_path: Path
) -> Iterator[PreparedHost]:
    """A host that measured and delivered ten minutes."""
    made = prepared_host(shared, tmp_path / "host", seed=request.node.name)
    made.live(10)
    made.ship()
    yield made
    made.agent.close()


def part(wire: bytes, name: str) -> bytes:
    """The report with one bit of a part of it turned over."""
    message = report_pb2.Report.FromString(wire)
    spoilt: bytes = {
        "signature": message.signatures[0].value,
        "header": message.header[-120:],
        "block": message.blocks[0].content[-12:],
    }[name]
    assert wire.count(spoilt) == 1
    at = wire.index(spoilt) + len(spoilt) // 2
    return wire[:at] + bytes([wire[at] ^ 1]) + wire[at + 1 :]


def rewrite_report(spool: Path, sequence: int, change: Callable[[SealedReport], bytes]) -> None:
    """Give a sealed report other bytes, in a frame whose checksum is right."""
    (segment,) = spool.glob("sealed-*.seg")
    parts = []
    for found in scan_frames(segment.read_bytes()):
        assert isinstance(found, Found)
        frame = found.frame
        if frame.kind == KIND_REPORT and _decode(frame.payload).sequence == sequence:
            report = _decode(frame.payload)
            frame = replace(frame, payload=_encode(replace(report, wire=change(report))))
        parts.append(encode_frame(frame))
    segment.write_bytes(b"".join(parts))


def spoil_frame(segment: Path, number_from_end: int) -> None:
    """Overwrite the middle of a frame, as a failing disk does; what stands around it is whole."""
    content = bytearray(segment.read_bytes())
    frames = list(scan_frames(bytes(content)))
    assert not any(isinstance(frame, Damage) for frame in frames)
    found = frames[-number_from_end]
    at = (found.start + found.end) // 2
    content[at : at + 16] = b"\xff" * 16
    segment.write_bytes(content)


def header_of(wire: bytes) -> report_pb2.ReportHeader:
    """A report's header."""
    return report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)


def settled(agent: AgentProcess, epoch: int, sequence: int) -> None:
    """Run the agent until the server acknowledged up to an epoch's report; then end it."""
    agent.start()
    agent.until(
        lambda status: (
            (status.server_epoch, status.server_sequence) >= (epoch, sequence)
            and status.unacknowledged_reports == 0
        )
    )
    agent.stop()
    assert agent.spool().sealed.unacknowledged == 0


def books(server: KashiServer, host: PreparedHost) -> tuple[Books, MinuteTruth]:
    """What the server counts of the host: books of the past boot, and minute by minute.

    Nothing that it stores differs from what was signed, and usage is what that adds up to.
    """
    with opened(server.directory) as inside:
        assert differences(inside) == []
        reports = stored_reports(inside.work, host.host_id)
        counted = [one.wire for one in reports if one.verdict != QUARANTINED]
        minutes = {
            (hardware_id, minute): (quantities.observed_ms, quantities.utilised_ns)
            for (host_id, hardware_id, minute), quantities in stored_sums(inside.work).items()
            if host_id == host.host_id
        }
    found = {key: one for key, one in books_of(counted).items() if key[0] == host.clock.boot}
    return found, minutes


def epoch_holds(office: Office, host: PreparedHost) -> list[str]:
    """Reasons of the new epochs that the office is shown of a host."""
    return [
        hold["reason"]
        for hold in office.holds()
        if hold["kind"] == "epoch" and hold["host_id"] == host.host_id
    ]


def check_one_minute_lost(server: KashiServer, host: PreparedHost, minutes: int) -> None:
    """Of the past, one minute is a gap (SPOOL_LOST) and all others count as they were."""
    found, counted = books(server, host)
    check_whole(found, host, minutes)
    lost = host.truth.keys() - counted.keys()
    assert len(lost) == len(host.devices)
    assert len({minute for _, minute in lost}) == 1
    assert counted == {key: known for key, known in host.truth.items() if key not in lost}
    for one in found.values():
        assert one.gap_ms == MINUTE_MS
        assert one.gap_reasons == {GapReason.SPOOL_LOST}


def check_whole(found: Books, host: PreparedHost, minutes: int) -> None:
    """Each device's past is one unbroken stretch of `minutes`, observed + gap = elapsed."""
    assert len(found) == len(host.devices)
    for one in found.values():
        one.check()
        assert one.elapsed_ms == minutes * MINUTE_MS


def test_rejected_reports_in_the_middle_block_nothing(
    shared: KashiServer, host: PreparedHost, agents: Agents
) -> None:
    """Of six sealed reports one has a broken signature and one says something else than was signed:
    both are rejected, and what is around them arrives in new epochs. What still is what was
    measured counts; what is not is never signed anew, but becomes a gap of exactly its minute."""
    host.live(6)
    host.seal()
    host.agent.close()
    spool = host.folder / "state" / "spool"
    rewrite_report(spool, 12, lambda report: part(report.wire, "signature"))
    rewrite_report(spool, 14, lambda report: part(report.wire, "block"))

    settled(agents(host.folder), 2, 3)

    check_one_minute_lost(shared, host, 16)
    reasons = epoch_holds(office_of(shared), host)
    assert set(reasons) == {str(int(EpochReason.REPORT_REJECTED))}


def test_corrupt_middle_of_sealed_reports_becomes_a_gap(
    shared: KashiServer, host: PreparedHost, agents: Agents
) -> None:
    """A sealed report that the disk gives back wrong is a gap of exactly its minute; what stands
    around it arrives in epoch 2, which names the lost number, and the office sees it."""
    host.live(6)
    host.seal()
    host.agent.close()
    (segment,) = (host.folder / "state" / "spool").glob("sealed-*.seg")
    spoil_frame(segment, 3)

    settled(agents(host.folder), 2, 2)

    check_one_minute_lost(shared, host, 16)
    assert epoch_holds(office_of(shared), host) == [str(int(EpochReason.SPOOL_CORRUPT))]


def test_corrupt_middle_of_the_journal_becomes_a_gap(
    shared: KashiServer, host: PreparedHost, agents: Agents
) -> None:
    """A minute that was measured and never sealed is lost with the disk's bytes: a gap of exactly
    that minute in an unbroken chain, which the office sees on the host's page, and the server holds
    the agent's word that it mended its spool."""
    host.live(6)
    host.agent.close()
    (segment,) = (host.folder / "state" / "spool").glob("journal-*.seg")
    spoil_frame(segment, 4)

    settled(agents(host.folder), 1, 15)

    check_one_minute_lost(shared, host, 16)
    assert "本地缓存丢失" in office_of(shared).page(f"/hosts/{host.host_id}")
    with opened(shared.directory) as inside:
        kinds = {
            event.kind
            for one in stored_reports(inside.work, host.host_id)
            for event in header_of(one.wire).events
        }
    assert report_pb2.HOST_EVENT_KIND_SPOOL_REPAIRED in kinds


def test_host_set_back_to_a_snapshot_doubles_nothing(
    shared: KashiServer, host: PreparedHost, agents: Agents
) -> None:
    """A host whose state folder is set back to an earlier copy opens epoch 2: what it had not yet
    sent at the copy is not counted a second time, nothing of the server's is lost, and the office
    sees the epoch."""
    host.live(3)
    state, snapshot = host.folder / "state", host.folder / "snapshot"
    shutil.copytree(state, snapshot)
    host.live(7)
    host.ship()
    host.agent.close()
    shutil.rmtree(state)
    snapshot.rename(state)

    settled(agents(host.folder), 2, 1)

    found, counted = books(shared, host)
    check_whole(found, host, 20)
    assert counted == host.truth
    office = office_of(shared)
    assert epoch_holds(office, host) == [str(int(EpochReason.ROLLED_BACK))]
    assert {hold["kind"] for hold in office.holds() if hold["host_id"] == host.host_id} == {
        "epoch",
        "quarantine",
    }


def test_host_set_back_within_a_boot_counts_what_is_new(
    shared: KashiServer, host: PreparedHost
) -> None:
    """A host that goes on measuring after it was set back, in the same boot, names the last number
    it knew of, uses none twice, and is doubted exactly for what was delivered before: no report
    holds both, so that everything measured since counts."""
    state, snapshot = host.folder / "state", host.folder / "snapshot"
    known = host.agent.spool.sealed.head
    host.live(3)
    shutil.copytree(state, snapshot)
    host.live(7)
    host.ship()
    delivered_ms = host.clock.boottime
    host.agent.close()
    shutil.rmtree(state)
    snapshot.rename(state)
    host.clock.advance(MINUTE_MS)
    began_ms = host.clock.boottime
    host.start()
    host.live(5)
    host.ship()

    with opened(shared.directory) as inside:
        reports = stored_reports(inside.work, host.host_id)
    numbers = [(one.epoch, one.sequence) for one in reports]
    assert len(set(numbers)) == len(numbers)
    second = [one for one in reports if one.epoch == 2]
    opening = header_of(second[0].wire).epoch_opening
    assert opening.reason == report_pb2.EPOCH_REASON_ROLLED_BACK
    assert (opening.last_epoch, opening.last_sequence) == known
    for one in second:
        stretch = unseal(one.wire)
        start_ms, end_ms = stretch.start_boottime_ms, stretch.end_boottime_ms
        assert start_ms >= began_ms or end_ms <= began_ms
        assert (one.verdict == QUARANTINED) == (start_ms < min(end_ms, delivered_ms))
    assert {one.verdict == QUARANTINED for one in second} == {True, False}
    _, counted = books(shared, host)
    assert counted == host.truth


def test_restored_server_gets_again_what_it_lost(
    shared: KashiServer, host: PreparedHost, agents: Agents, tmp_path: Path
) -> None:
    """A server set back to a backup by `backup` and `restore` is sent what it acknowledged since:
    every report is there again, byte for byte, every minute counts once, no epoch is opened. The
    office's audit trail and the log tell that the server was set back, and to when."""
    shared.command("backup", str(tmp_path / "earlier.tar"))
    host.live(10)
    host.ship()
    host.live(3)
    host.agent.close()
    with opened(shared.directory) as inside:
        acknowledged = [one.wire for one in stored_reports(inside.work, host.host_id)]
    shared.kill()
    restored = KashiServer(tmp_path / "restored")
    restored.command("restore", str(tmp_path / "earlier.tar"))
    restored.start()
    try:
        settled(agents(host.folder), 1, 23)

        with opened(restored.directory) as inside:
            stored = [one.wire for one in stored_reports(inside.work, host.host_id)]
            with inside.work.begin(writes=False) as unit:
                acts = unit.log.references(LOG_KIND, 2**62)
        found, counted = books(restored, host)
        office = office_of(restored)
        holds, trail = epoch_holds(office, host), office.page("/audit")
        restored.command("fsck")
    finally:
        restored.stop()
        shared.start()

    assert len(acknowledged) == 20
    assert stored[:20] == acknowledged
    check_whole(found, host, 23)
    assert counted == host.truth
    assert holds == []
    assert "earlier.tar" in trail
    assert "从备份恢复" in trail
    assert "earlier.tar" in acts
