"""Shipping: the server's answers, and the four ways in which a host and its server fall apart."""

import copy
from collections.abc import Iterator
from itertools import pairwise

import pytest
from driven_host import UTILISATION_PPM, Driven, driven
from fixtures_spool import Account
from kashi.v1 import metering_pb2, report_pb2
from kashi_agent.errors import RefusedError, UnreachableError
from kashi_agent.reading import GapReason
from kashi_agent.shipping import Answer, Batch, Result, Verdict

INTERVAL_S = 300


@pytest.fixture
def host() -> Iterator[Driven]:
    """A host that measured and delivered ten minutes."""
    made = driven()
    made.live(2 * INTERVAL_S + 10)
    made.ship()
    yield made
    made.agent.close()


def settle(host: Driven) -> dict[str, Account]:
    """Measure to the end of two intervals more and deliver everything."""
    host.live(2 * INTERVAL_S)
    host.ship()
    return host.server.accounts()


def tiles(account: Account) -> bool:
    """Whether the spans follow each other without hole or overlap."""
    return all(before[2] == after[1] for before, after in pairwise(account.spans))


def gap_ms_by_reason(account: Account) -> dict[int, int]:
    """Gap time of a device by its reason."""
    sums: dict[int, int] = {}
    for _, _, span_ms, reason in account.gaps:
        sums[reason] = sums.get(reason, 0) + span_ms
    return sums


def sequence_of(wire: bytes) -> tuple[int, int]:
    """Epoch and sequence of a report."""
    header = report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)
    return header.epoch, header.sequence


def test_everything_arrives_once_and_whole(host: Driven) -> None:
    """Spans tile, utilisation is exact, the server's receipts are kept and the cursor stands."""
    accounts = settle(host)

    for account in accounts.values():
        assert tiles(account)
        assert account.gap_ms == 0
        assert account.utilised_ns == account.observed_ms * UTILISATION_PPM
    sealed = host.agent.spool.sealed
    assert sealed.acknowledged == (host.server.head.epoch, host.server.head.sequence)
    assert [position for position, _ in sealed.receipts()] == [
        (stored.head.epoch, stored.head.sequence) for stored in host.server.stored
    ]


def test_nothing_is_sealed_before_the_servers_head_is_known() -> None:
    """The first call of a run is empty."""
    host = driven()
    host.live(2 * INTERVAL_S + 10)

    assert host.agent.shipper.prepare() == Batch()
    assert host.agent.spool.sealed.size == 0


@pytest.mark.parametrize("fault", ["lose_request", "lose_answer"])
def test_a_lost_call_doubles_nothing(host: Driven, fault: str) -> None:
    """After a lost request or a lost answer the head is asked for and the rest is sent."""
    host.live(INTERVAL_S)
    host.server.faults = ["", fault]

    accounts = settle(host)

    assert host.server.openings() == []
    assert all(tiles(account) and account.gap_ms == 0 for account in accounts.values())


def test_a_report_that_cannot_be_made_durable_uses_its_number_all_the_same(host: Driven) -> None:
    """fsync fails until sealing gives up: the same report is made durable later, and no other one
    under its number, which the server would have to hold for a fork."""
    host.live(INTERVAL_S)
    failures = 2

    def fail(operation: str, name: str) -> OSError | None:
        nonlocal failures
        if operation != "sync" or not name.startswith("sealed-") or not failures:
            return None
        failures -= 1
        return OSError(5, "simulated")

    host.disk.fail = fail
    with pytest.raises(OSError, match="simulated"):
        host.agent.ship(host.server)
    accounts = settle(host)

    assert not failures
    assert host.server._forks == []
    assert host.server.openings() == []
    assert all(tiles(account) and account.gap_ms == 0 for account in accounts.values())


def test_what_a_disk_does_not_let_go_of_stops_nothing(host: Driven) -> None:
    """Removing fails for an hour: reports go out, and what lies too long is freed afterwards."""
    host.segment_bytes = 2_000
    host.kill()
    host.start()
    host.disk.fail = lambda operation, _name: (
        OSError(30, "read-only") if operation == "remove" else None
    )
    host.live(3 * INTERVAL_S)
    host.ship()
    lying = len(host.disk.names())
    host.disk.fail = lambda _operation, _name: None
    accounts = settle(host)

    assert len(host.disk.names()) < lying
    assert all(tiles(account) for account in accounts.values())


def test_a_receipt_that_was_lost_is_fetched(host: Driven) -> None:
    """Killed between delivery and receipt: the next agent sends it again and gets the receipt."""
    host.live(INTERVAL_S)
    host.server.faults = ["lose_answer"]
    with pytest.raises(UnreachableError):
        host.agent.ship(host.server)
    delivered = host.server.head
    host.kill()
    host.start()
    host.ship()

    sealed = host.agent.spool.sealed
    assert host.server.head == delivered
    assert sealed.acknowledged == (delivered.epoch, delivered.sequence)
    assert [position for position, _ in sealed.receipts()][-1] == sealed.acknowledged


def test_a_rejected_report_in_the_middle_is_sealed_anew_in_a_new_epoch(host: Driven) -> None:
    """The server refuses one report once: its content and all after it arrive in epoch 2."""
    host.live(3 * INTERVAL_S)
    refused: list[bytes] = []

    def reject(wire: bytes) -> bool:
        if sequence_of(wire) == (1, 4) and not refused:
            refused.append(wire)
            return True
        return False

    host.server.reject = reject
    accounts = settle(host)

    (opening,) = host.server.openings()
    assert refused
    assert opening.reason == report_pb2.EPOCH_REASON_REPORT_REJECTED
    assert (opening.last_epoch, opening.last_sequence) == (1, 3)
    for account in accounts.values():
        assert tiles(account)
        assert account.gap_ms == 0


def test_content_the_server_never_takes_becomes_a_gap(host: Driven) -> None:
    """What is refused in whatever epoch is given up, once, and said: SPOOL_LOST."""
    host.live(2 * INTERVAL_S)
    poisoned = 3_600_000 + 2 * INTERVAL_S * 1000

    def reject(wire: bytes) -> bool:
        message = report_pb2.Report.FromString(wire)
        header = report_pb2.ReportHeader.FromString(message.header)
        blocks = [report_pb2.DeviceBlock.FromString(block.content) for block in message.blocks]
        return header.start_boottime_ms == poisoned and any(block.readings for block in blocks)

    host.server.reject = reject
    accounts = settle(host)

    assert {opening.reason for opening in host.server.openings()} == {
        report_pb2.EPOCH_REASON_REPORT_REJECTED
    }
    for account in accounts.values():
        assert tiles(account)
        assert gap_ms_by_reason(account) == {GapReason.SPOOL_LOST: INTERVAL_S * 1000}


def test_a_server_that_rejects_everything_is_waited_for(host: Driven) -> None:
    """No epoch after epoch: the host waits, and delivers everything when the server is mended."""
    host.live(2 * INTERVAL_S)
    host.server.reject = lambda _wire: True
    for _ in range(20):
        with pytest.raises(RefusedError, match="rejects whatever"):
            host.agent.ship(host.server)
        host.agent.shipper.failed(RefusedError("again"))
    sealed = host.agent.spool.sealed.size
    assert host.agent.spool.sealed.head[0] <= 5

    host.server.reject = lambda _wire: False
    accounts = settle(host)

    assert sealed <= 30
    assert all(tiles(account) for account in accounts.values())


def test_a_server_that_refuses_every_batch_is_called_less_and_less(host: Driven) -> None:
    """That it tells its head in between is no success: the waits grow as in any outage, and are
    short again once it takes something."""
    host.live(2 * INTERVAL_S)
    host.server.reject = lambda _wire: True
    for _ in range(12):
        with pytest.raises(RefusedError, match="rejects whatever"):
            host.agent.ship(host.server)
    assert host.agent.shipper.state.failures == 12

    host.server.reject = lambda _wire: False
    settle(host)

    assert host.agent.shipper.state.failures == 0


def test_an_answer_that_makes_no_sense_is_waited_out(host: Driven) -> None:
    """A verdict nobody knows, and a gap before the very report that follows: no endless loop."""
    host.live(INTERVAL_S)
    shipper = host.agent.shipper
    batch = shipper.prepare()
    assert batch is not None

    for verdict in (Verdict.UNSPECIFIED, Verdict.GAP):
        answer = Answer(results=(Result(verdict),), head=host.server.head)
        with pytest.raises(RefusedError, match="makes no sense"):
            shipper.absorb(batch, answer, 0)
    settle(host)


def test_a_corrupt_middle_of_the_sealed_reports_opens_an_epoch(host: Driven) -> None:
    """Sealed, undelivered, then one of them unreadable: what is around it arrives, it is a gap."""
    host.live(4 * INTERVAL_S)
    host.server.faults = ["lose_request"]
    with pytest.raises(UnreachableError):
        host.agent.ship(host.server)
    name = next(name for name in host.disk.names() if name.startswith("sealed-"))
    host.agent.shipper.prepare()
    lost = next(e for e in host.agent.spool.sealed.entries() if e.position == (1, 4))
    host.kill()
    host.disk.flip(name, lost.start + 60)
    host.start()
    accounts = settle(host)

    (opening,) = host.server.openings()
    assert opening.reason == report_pb2.EPOCH_REASON_SPOOL_CORRUPT
    assert (opening.lost_first_sequence, opening.lost_last_sequence) == (4, 4)
    assert f"{name}.corrupt" in host.disk.names()
    for account in accounts.values():
        assert tiles(account)
        assert gap_ms_by_reason(account)[GapReason.SPOOL_LOST] == INTERVAL_S * 1000
    kinds = [e.kind for stored in host.server.stored for e in host.server.header(stored).events]
    assert report_pb2.HOST_EVENT_KIND_SPOOL_REPAIRED in kinds


def test_a_lost_end_of_the_sealed_reports_is_not_used_again(host: Driven) -> None:
    """The cursor remembers numbers whose reports the disk lost: they are named lost."""
    host.live(2 * INTERVAL_S)
    host.server.faults = ["lose_request"]
    with pytest.raises(UnreachableError):
        host.agent.ship(host.server)
    last = host.agent.spool.sealed.head_entry
    assert last is not None
    host.kill()
    host.disk.truncate("sealed-00000001.seg", last.start + 100)
    host.start()
    accounts = settle(host)

    (opening,) = host.server.openings()
    assert opening.reason == report_pb2.EPOCH_REASON_SPOOL_CORRUPT
    assert opening.lost_last_sequence == last.position[1]
    assert all(tiles(account) for account in accounts.values())


def test_a_server_restored_from_a_backup_gets_everything_again(host: Driven) -> None:
    """Acknowledged reports are still here: the server's head alone says from where to send."""
    host.live(3 * INTERVAL_S)
    host.ship()
    whole = host.server.accounts()
    host.server.restore(1)

    host.agent.shipper.failed(UnreachableError("it was down"))
    host.ship()

    assert host.server.accounts() == whole
    assert host.server.openings() == []


def test_a_server_that_lost_more_than_is_kept_gets_the_rest_in_a_new_epoch(host: Driven) -> None:
    """What was freed cannot come again: the epoch names it lost, what is kept arrives."""
    host.live(6 * INTERVAL_S)
    host.ship()
    sealed = host.agent.spool.sealed
    sealed._entries = [entry for entry in sealed._entries if entry.position > (1, 3)]
    sealed._chain = list(sealed._entries)
    kept = len(sealed.entries())
    host.server.restore(1)

    host.agent.shipper.failed(UnreachableError("it was down"))
    host.ship()

    (opening,) = host.server.openings()
    assert (opening.lost_first_sequence, opening.lost_last_sequence) == (2, 3)
    assert len(host.server.stored) == 1 + kept


def test_a_host_set_back_to_a_snapshot_opens_an_epoch(host: Driven) -> None:
    """The server's head is beyond ours: no number is used twice, and what was measured since the
    agent began stands in reports of its own."""
    snapshot = copy.deepcopy((host.disk._files, host.disk._folder))
    host.live(3 * INTERVAL_S)
    host.ship()
    beyond = host.server.head
    host.kill()
    host.disk._files, host.disk._folder = snapshot
    host.clock.advance(20_000)
    host.start()
    began = host.clock.boottime
    settle(host)

    (opening,) = host.server.openings()
    assert opening.reason == report_pb2.EPOCH_REASON_ROLLED_BACK
    assert (opening.last_epoch, opening.last_sequence) == (1, 2)
    headers = [host.server.header(stored) for stored in host.server.stored]
    since = [header for header in headers if header.epoch == beyond.epoch + 1]
    assert any(header.start_boottime_ms == began for header in since)
    assert not any(h.start_boottime_ms < began < h.end_boottime_ms for h in since)


def test_a_host_whose_spool_is_gone_opens_an_epoch(host: Driven) -> None:
    """An empty spool beside an identity the server knows: SPOOL_LOST, nothing known before."""
    host.kill()
    host.disk._files.clear()
    host.disk._folder.clear()
    host.start()
    settle(host)

    (opening,) = host.server.openings()
    assert opening.reason == report_pb2.EPOCH_REASON_SPOOL_LOST
    assert (opening.last_epoch, opening.last_sequence, opening.last_sha256) == (0, 0, b"")


def test_a_fork_ends_in_a_new_epoch(host: Driven) -> None:
    """Two lives of one snapshot: the second meets another report under its number."""
    snapshot = copy.deepcopy((host.disk._files, host.disk._folder))
    host.live(INTERVAL_S)
    host.ship()
    host.kill()
    host.disk._files, host.disk._folder = snapshot
    host.start()
    # This life was told the head before the other one delivered: it seals the same number.
    host.agent.shipper._server = host.server.stored[1].head
    host.live(2 * INTERVAL_S)
    host.ship()

    (opening,) = host.server.openings()
    assert host.server._forks
    assert opening.reason == report_pb2.EPOCH_REASON_ROLLED_BACK


def test_a_receipt_of_another_server_frees_nothing(host: Driven) -> None:
    """Receipts are believed only under the key of the server the host was enrolled with."""
    host.live(INTERVAL_S)
    before = host.agent.spool.sealed.acknowledged
    host.server._receipt_key = driven(2).report_key

    with pytest.raises(RefusedError, match="not signed by the server"):
        host.agent.ship(host.server)

    assert host.agent.spool.sealed.acknowledged == before


def test_a_receipt_for_another_report_is_refused(host: Driven) -> None:
    """A true receipt, but not for what was sent."""
    host.live(INTERVAL_S)
    shipper = host.agent.shipper
    batch = shipper.prepare()
    assert batch is not None
    assert batch.entries
    other = host.server.stored[0].receipt
    answer = Answer(results=(Result(Verdict.ACCEPTED, other),), head=host.server.head)

    with pytest.raises(RefusedError, match="is for another report"):
        shipper.absorb(batch, answer, 0)


def test_an_answer_that_does_not_fit_is_refused(host: Driven) -> None:
    """One result a report, no more and no less."""
    host.live(INTERVAL_S)
    batch = host.agent.shipper.prepare()
    assert batch is not None

    with pytest.raises(RefusedError, match="answered 0 of"):
        host.agent.shipper.absorb(batch, Answer(results=(), head=host.server.head), 0)


def test_a_checkpoint_is_kept_when_it_verifies(host: Driven) -> None:
    """The last checkpoint stands in the spool, and survives a restart."""
    kept = host.agent.spool.sealed.checkpoint
    assert metering_pb2.SignedCheckpoint.FromString(kept).body.startswith(b"kashi.test\n")

    host.kill()
    host.start()

    assert host.agent.spool.sealed.checkpoint == kept


def test_backoff_has_full_jitter_and_no_end() -> None:
    """Waiting grows to five minutes, is drawn from zero up, and never gives up."""
    shipper = driven().agent.shipper
    waits = [shipper.failed(UnreachableError("down")) for _ in range(400)]

    assert all(0 <= wait <= min(300, 2**n) for n, wait in enumerate(waits))
    assert max(waits) > 250
    assert min(waits[20:]) < 50


def test_a_week_without_server_is_caught_up_whole(host: Driven) -> None:
    """Many more reports than one call takes arrive in order, with nothing lost or doubled."""
    host.server.faults = ["lose_request"]
    host.live(INTERVAL_S)
    with pytest.raises(UnreachableError):
        host.agent.ship(host.server)
    for _ in range(300):
        host.clock.advance(4_000)
        host.sample()
    for _ in range(4 * 300):
        host.clock.advance(5_000)
        host.sample()
        host.agent.record()
    calls = host.server.calls
    accounts = settle(host)

    assert host.server.calls > calls
    assert all(tiles(account) and account.gap_ms == 0 for account in accounts.values())
