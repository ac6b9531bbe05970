"""What the server said in a file outlives the agent that took it, until a report has opened it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from driven_host import HOST_ID, Driven, driven
from kashi import signing
from kashi.chain import NO_HEAD, Head, parse_report
from kashi.v1 import metering_pb2, report_pb2
from kashi_agent.chain_link import EpochReason
from kashi_agent.opening import KeptOpening, Opening
from kashi_agent.shipping import Answer, Batch
from kashi_agent.spool import Entry

BY_FILES = Answer(results=(), head=NO_HEAD)
Cut = Callable[[Driven], object]


def host_by_files(seed: int = 1) -> Driven:
    """A host whose reports are carried in files; three of them are sealed."""
    host = driven(seed)
    host.kill()
    host.carried = True
    host.start()
    host.live(1_000)
    host.agent.ship(_Files())
    assert len(host.agent.spool.sealed.entries()) == 3
    return host


class _Files:
    """The way into files: whatever is handed over waits to be exported."""

    def submit(self, _reports: object) -> Answer:
        """Nobody answers."""
        return BY_FILES


def refusal(host: Driven) -> Answer:
    """What a file brings after the server took the first report and refused the second."""
    first, second, _ = host.agent.spool.sealed.entries()
    taken = host.server.submit([host.agent.spool.sealed.read(first).wire])
    answer = notice(host, taken.head, second)
    return replace(answer, receipts=tuple(result.receipt for result in taken.results))


def notice(host: Driven, head: Head, refused: Entry | None = None) -> Answer:
    """The server's word on its head, and on a refused report."""
    payload = metering_pb2.NoticePayload(
        host_id=HOST_ID,
        head=metering_pb2.Head(epoch=head.epoch, sequence=head.sequence, sha256=head.sha256),
        answered_utc_ms=host.server.now_utc_ms,
    )
    if refused is not None:
        wire = host.agent.spool.sealed.read(refused).wire
        payload.refused.add(
            wire_sha256=signing.sha256(wire), verdict=metering_pb2.VERDICT_REJECTED, detail="form"
        )
    said = payload.SerializeToString()
    signature = signing.sign(host.server._receipt_key, signing.NOTICE, said)
    signed = metering_pb2.SignedNotice(payload=said, signature=signature).SerializeToString()
    return Answer(results=(), head=NO_HEAD, notice=signed)


def take_stopped(host: Driven, answer: Answer, cut: Cut) -> None:
    """As `import-receipts` does: an agent of its own takes the answer and ends."""
    host.kill()
    host.start()
    host.agent.shipper.absorb(Batch(), answer, host.clock.utc)
    cut(host)
    host.start()


def chain_of(host: Driven) -> list[report_pb2.ReportHeader]:
    """The headers of what is sealed and not abandoned."""
    sealed = host.agent.spool.sealed
    kept = [entry for entry in sealed.entries() if not entry.abandoned]
    return [parse_report(sealed.read(entry).wire)[1] for entry in kept]


killed = pytest.mark.parametrize(
    "cut",
    [lambda host: host.agent.close(), lambda host: host.disk.power_cut()],
    ids=["stopped", "power cut"],
)
"""How what took the answer ended."""


@killed
@pytest.mark.parametrize("starts", [1, 3])
def test_a_refusal_that_was_imported_is_acted_upon_by_the_next_agent(cut: Cut, starts: int) -> None:
    """What the server does not have is sealed anew behind its head, in a new epoch, however often
    the agent starts before."""
    host = host_by_files()
    take_stopped(host, refusal(host), cut)
    for _ in range(starts - 1):
        host.agent.close()
        host.start()
    host.live(400)
    host.agent.ship(_Files())

    headers = chain_of(host)
    assert [(one.epoch, one.sequence) for one in headers] == [(1, 1), (2, 1), (2, 2), (2, 3)]
    assert headers[1].previous_sha256 == host.server.head.sha256
    assert headers[1].epoch_opening.reason == report_pb2.EPOCH_REASON_REPORT_REJECTED
    edges = [(one.start_boottime_ms, one.end_boottime_ms) for one in headers]
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]


@killed
def test_a_host_that_the_server_knows_more_of_opens_the_next_epoch(cut: Cut) -> None:
    """It was set back: what it seals next follows the head that the server told, and no agent after
    that opens another."""
    host = host_by_files()
    head = Head(1, 9, bytes([7]) * 32)
    take_stopped(host, notice(host, head), cut)
    host.live(400)
    host.agent.ship(_Files())
    host.kill()
    host.start()
    host.live(300)
    host.agent.ship(_Files())

    opened = [one for one in chain_of(host) if one.epoch == 2]
    assert [one.sequence for one in opened] == list(range(1, len(opened) + 1))
    assert [one.HasField("epoch_opening") for one in opened] == [True] + [False] * (len(opened) - 1)
    assert opened[0].previous_sha256 == head.sha256
    assert opened[0].epoch_opening.reason == report_pb2.EPOCH_REASON_ROLLED_BACK


def test_the_same_answer_twice_is_no_damage() -> None:
    """Brought again before the epoch is open, it is not taken for lost reports."""
    host = host_by_files()
    answer = refusal(host)
    take_stopped(host, answer, lambda one: one.agent.close())
    host.agent.shipper.absorb(Batch(), answer, host.clock.utc)
    host.agent.ship(_Files())

    opening = chain_of(host)[1].epoch_opening
    assert opening.reason == report_pb2.EPOCH_REASON_REPORT_REJECTED
    assert (opening.lost_first_sequence, opening.lost_last_sequence) == (0, 0)


def test_a_disk_that_keeps_no_opening_changes_nothing() -> None:
    """The answer is not taken, and can be brought again."""
    host = host_by_files()
    answer = refusal(host)
    host.disk.fail = lambda called, _name: OSError(5, "simulated") if called == "sync" else None
    with pytest.raises(OSError, match="simulated"):
        host.agent.shipper.absorb(Batch(), answer, host.clock.utc)
    assert host.agent.reporter.opening is None
    assert not any(entry.abandoned for entry in host.agent.spool.sealed.entries())

    host.disk.fail = lambda _operation, _name: None
    host.agent.shipper.absorb(Batch(), answer, host.clock.utc)
    host.agent.ship(_Files())

    assert [one.epoch for one in chain_of(host)] == [1, 2, 2]


@pytest.mark.parametrize("given_up", [frozenset[int](), frozenset({3, 2**63})])
def test_an_opening_is_read_back(given_up: frozenset[int]) -> None:
    """With the reports that were given up; rubbish and an unknown reason are none."""
    opening = Opening(
        epoch=7,
        server_sha256=bytes(range(32)),
        reason=EpochReason.SPOOL_CORRUPT,
        follows=(6, 2**40),
        lost=(3, 5),
    )
    kept = KeptOpening(opening, given_up)
    content = kept.encode()

    assert KeptOpening.decode(content) == kept
    for rubbish in (b"", content[:-1], content[:11] + b"\xff" + content[12:]):
        assert KeptOpening.decode(rubbish) is None


def test_what_the_receipts_say_that_the_server_has_is_known_from_the_start() -> None:
    """Receipts came by file and were taken while no agent ran: the one that starts says at once how
    far the server is, with nothing to report yet and nobody to ask."""
    host = host_by_files()
    take_stopped(host, refusal(host), lambda stopped: stopped.agent.close())

    acknowledged = host.agent.spool.sealed.acknowledged
    assert acknowledged == (1, 1)
    assert host.agent.shipper.state.server_head == acknowledged


def unreadable(host: Driven, entries: list[Entry]) -> None:
    """The disk no longer gives reports back; another agent starts."""
    for entry in entries:
        host.disk.flip(f"sealed-{entry.segment:08d}.seg", (entry.start + entry.end) // 2)
    host.kill()
    host.start()


def in_epoch(host: Driven, epoch: int) -> list[Entry]:
    """What is sealed in an epoch and not abandoned."""
    entries = host.agent.spool.sealed.entries()
    return [one for one in entries if not one.abandoned and one.position[0] == epoch]


def delivered(host: Driven, entries: list[Entry]) -> list[str]:
    """The server's verdicts on reports that a file carries to it."""
    wires = [host.agent.spool.sealed.read(one).wire for one in entries]
    return [result.verdict.name for result in host.server.submit(wires).results]


def test_an_opening_that_a_report_used_opens_nothing_again() -> None:
    """Were its reports to become unreadable, others under their numbers would be a fork: the host
    waits for the server's word, and goes on in the next epoch."""
    host = host_by_files()
    take_stopped(host, refusal(host), lambda one: one.agent.close())
    host.agent.ship(_Files())
    used = in_epoch(host, 2)
    assert delivered(host, used) == ["ACCEPTED", "ACCEPTED"]
    unreadable(host, used)
    host.live(700)
    host.agent.ship(_Files())

    assert not in_epoch(host, 2)
    host.agent.shipper.absorb(Batch(), notice(host, host.server.head), host.clock.utc)
    host.agent.ship(_Files())
    assert set(delivered(host, in_epoch(host, 3))) == {"ACCEPTED"}
    opening = host.server.openings()[-1]
    assert opening.reason == report_pb2.EPOCH_REASON_SPOOL_CORRUPT


def test_an_opening_of_epoch_1_is_acted_upon_by_the_next_agent() -> None:
    """The server holds nothing and refused the first report: numbers of that epoch are used
    already, and yet the opening was not."""
    host = host_by_files()
    first = host.agent.spool.sealed.entries()[0]
    take_stopped(host, notice(host, NO_HEAD, first), lambda one: one.agent.close())
    host.agent.ship(_Files())

    assert [entry.position for entry in in_epoch(host, 1)] == [(1, 1), (1, 2), (1, 3)]
    assert first.sha256 not in {entry.sha256 for entry in in_epoch(host, 1)}


def test_a_last_report_that_only_the_server_has_ends_its_epoch() -> None:
    """It can be read here no more: the next report opens an epoch, and nothing waits for ever."""
    host = driven()
    host.live(1_000)
    host.ship()
    unreadable(host, list(host.agent.spool.sealed.entries()[-1:]))
    host.live(700)
    host.ship()

    assert host.server.head.epoch == 2
    assert [one.reason for one in host.server.openings()] == [report_pb2.EPOCH_REASON_SPOOL_CORRUPT]


def test_a_relay_that_shows_the_last_report_ends_its_epoch() -> None:
    """Of a host that can no longer read it: by its own signature, and behind what it tells."""
    host = host_by_files()
    last = host.agent.spool.sealed.entries()[-1]
    wire = host.agent.spool.sealed.read(last).wire
    unreadable(host, [last])
    host.live(400)
    host.agent.shipper.absorb(Batch(), replace(BY_FILES, last_report=wire), host.clock.utc)
    host.agent.ship(_Files())

    opened = [one for one in chain_of(host) if one.epoch == 2]
    assert opened[0].previous_sha256 == signing.report_sha256(parse_report(wire)[0].header)
