"""Shipping through somebody who is not believed: what a relay does wrong costs time and is seen."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from driven_host import HOST_ID, START_UTC_MS, UTILISATION_PPM, Driven
from fixtures_spool import SimulatedDisk
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi.chain import Head
from kashi.v1 import metering_pb2, report_pb2
from kashi_agent.errors import RefusedError
from kashi_agent.shipping import Answer, Result, Verdict
from suspect_relay import NoticeServer, SuspectRelay

from deploy.demo.manual_clock import ManualClock


def site_in(folder: Path, seed: int = 1) -> SuspectRelay:
    """A host behind an honest relay, its agent started."""
    random = Random(seed)
    key = ec.generate_private_key(ec.SECP256R1())
    server = NoticeServer(key.public_key(), HOST_ID)
    host = Driven(
        disk=SimulatedDisk(random),
        clock=ManualClock(boottime=3_600_000, monotonic=3_600_000, utc=START_UTC_MS),
        server=server,
        report_key=key,
        random=random,
        carried=True,
    )
    host.start()
    return SuspectRelay(host, server, folder)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SuspectRelay]:
    """A site whose host has delivered ten minutes."""
    made = site_in(tmp_path)
    made.round()
    yield made
    made.store.close()


def check_whole(site: SuspectRelay, epochs: int = 1) -> None:
    """Everything measured is with the server once, and acknowledged but for the last round."""
    for _ in range(3):
        site.round()
    sealed = site.host.agent.spool.sealed
    assert len(site.server.openings()) == epochs - 1
    assert site.server._forks == []
    assert sealed.acknowledged >= (epochs, sealed.head[1] - 1)
    for account in site.server.accounts().values():
        assert account.gap_ms == 0
        assert account.utilised_ns == account.observed_ms * UTILISATION_PPM
        spans = account.spans
        assert all(before[2] == after[1] for before, after in pairwise(spans))


def test_an_honest_relay_brings_every_receipt_and_frees_the_spool(site: SuspectRelay) -> None:
    """Nothing is acknowledged before the server signed for it; then everything is."""
    sealed = site.host.agent.spool.sealed
    site.host.live(300)
    acknowledged = sealed.acknowledged
    site.host.agent.ship(site)
    site.host.agent.ship(site)

    assert sealed.unacknowledged > 0
    site.forward()
    site.host.live(300)
    site.host.agent.ship(site)

    assert sealed.acknowledged > acknowledged
    check_whole(site)


def test_what_a_relay_says_by_itself_frees_nothing(site: SuspectRelay) -> None:
    """Accepted without a receipt, with rubbish for one, or with another key's: nothing moves."""
    other = NoticeServer(site.host.report_key.public_key(), HOST_ID)
    sealed = site.host.agent.spool.sealed
    before = sealed.acknowledged

    def lie(answer: Answer) -> Answer:
        forged = other._receipt(Head(1, sealed.head[1], sealed.entries()[-1].sha256))
        results = (Result(Verdict.ACCEPTED, forged),) * len(answer.results)
        return replace(answer, results=results, receipts=(b"rubbish", forged), notice=b"")

    site.spoil = lie
    site.host.live(300)
    site.host.agent.ship(site)

    assert sealed.acknowledged == before
    assert "not the server's" in site.host.agent.shipper.state.trouble
    site.spoil = lambda answer: answer
    check_whole(site)


def test_a_relay_that_brings_a_false_checkpoint_is_called_less_and_less(
    site: SuspectRelay,
) -> None:
    """Waits grow however often it answers, and are short again once it brings what holds."""
    site.spoil = lambda answer: replace(answer, checkpoint=b"rubbish")
    site.host.live(300)
    for _ in range(12):
        with pytest.raises(RefusedError, match="checkpoint"):
            site.host.agent.ship(site)
    assert site.host.agent.shipper.state.failures == 12

    site.spoil = lambda answer: answer
    site.round()

    assert site.host.agent.shipper.state.failures == 0


@pytest.mark.parametrize("verdict", [Verdict.REJECTED, Verdict.FORK, Verdict.GAP])
def test_a_relay_refuses_in_nobodys_name(site: SuspectRelay, verdict: Verdict) -> None:
    """Verdicts of its own open no epoch and make no report be sealed anew."""
    site.spoil = lambda answer: replace(
        answer, results=(Result(verdict, b"", "says the relay"),) * len(answer.results)
    )
    site.round()
    site.round()
    site.spoil = lambda answer: answer

    check_whole(site)


def test_an_altered_report_is_refused_and_sent_again(site: SuspectRelay) -> None:
    """The server's refusal of what the relay altered is not taken for one of the host's report:
    nothing is given up, the report is delivered as it was made, and the trouble is told."""

    def alter(wire: bytes) -> bytes:
        report = report_pb2.Report.FromString(wire)
        report.blocks[0].salt = bytes(16)
        return report.SerializeToString()

    site.alter = alter
    site.round()
    site.host.live(300)
    site.host.agent.ship(site)
    assert "altered a report" in site.host.agent.shipper.state.trouble
    site.alter = lambda wire: wire

    check_whole(site)


def test_an_old_answer_moves_nothing_back(site: SuspectRelay) -> None:
    """Receipts and notice of an earlier day, handed over again: known, and older than what is."""
    old = site.given[-1]
    site.round()
    site.round()
    sealed = site.host.agent.spool.sealed
    before = sealed.acknowledged, sealed.head

    site.spoil = lambda answer: replace(old, results=answer.results, head=answer.head)
    site.host.live(300)
    site.host.agent.ship(site)

    assert sealed.acknowledged == before[0]
    site.spoil = lambda answer: answer
    check_whole(site)


@pytest.mark.parametrize("head", [Head(9, 9, b"x" * 32), Head(0, 0, bytes(32))])
def test_a_head_that_a_relay_makes_up_opens_no_epoch(site: SuspectRelay, head: Head) -> None:
    """Far ahead or nothing at all: the host hands over later, or again."""
    site.spoil = lambda answer: replace(answer, head=head)
    site.host.live(300)
    site.host.agent.ship(site)
    site.spoil = lambda answer: answer

    check_whole(site)


def test_a_report_the_server_rejects_opens_an_epoch_through_the_relay(site: SuspectRelay) -> None:
    """The server's own refusal, signed, does what it does without a relay: the content is sealed
    anew in epoch 2, and nothing is lost."""
    refused: list[bytes] = []

    def once(wire: bytes) -> bool:
        refused.append(wire)
        return len(refused) == 1

    site.server.reject = once
    site.round()

    check_whole(site, epochs=2)
    assert site.server.openings()[0].reason == report_pb2.EPOCH_REASON_REPORT_REJECTED


def test_a_host_set_back_learns_it_from_its_own_signature(site: SuspectRelay) -> None:
    """Its disk is set back while the server is away: the relay shows it a report of its own that it
    does not know; what both know is not counted twice."""
    host = site.host
    snapshot = copy.deepcopy((host.disk._files, host.disk._folder))
    host.live(900)
    host.agent.ship(site)
    beyond = host.agent.spool.sealed.head
    host.kill()
    host.disk._files, host.disk._folder = snapshot
    host.clock.advance(20_000)
    host.start()
    began = host.clock.boottime
    for _ in range(4):
        site.round()

    (opening,) = site.server.openings()
    assert opening.reason == report_pb2.EPOCH_REASON_ROLLED_BACK
    assert site.server._forks == []
    positions = [(one.head.epoch, one.head.sequence) for one in site.server.stored]
    assert beyond in positions
    assert positions[positions.index(beyond) + 1] == (2, 1)
    headers = [site.server.header(one) for one in site.server.stored]
    since = [header for header in headers if header.epoch == 2]
    assert any(header.start_boottime_ms == began for header in since)
    assert not any(h.start_boottime_ms < began < h.end_boottime_ms for h in since)


def test_a_server_set_back_to_a_backup_gets_everything_again(site: SuspectRelay) -> None:
    """Its notice says an earlier head, by its own word: the host sends from there."""
    site.round()
    site.server.restore(1)

    check_whole(site)


FAULTS = ("lose", "old", "down", "high", "low", "alter", "forge")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(FAULTS), max_size=6))
def test_whatever_a_relay_does_costs_time_alone(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str]
) -> None:
    """Any sequence of losses, replays, lies and alterations: once the relay is honest again, every
    millisecond is with the server, once, in one epoch."""
    site = site_in(tmp_path_factory.mktemp("relay"))
    site.round()
    try:
        for fault in faults:
            _misbehave(site, fault)
            site.alter = lambda wire: wire
            site.spoil = lambda answer: answer
            site.down = False
        check_whole(site)
    finally:
        site.store.close()


def _misbehave(site: SuspectRelay, fault: str) -> None:
    old = site.given[0]
    match fault:
        case "lose":
            site.lose_everything()
        case "old":
            site.spoil = lambda answer: replace(old, results=answer.results)
        case "down":
            site.down = True
        case "high":
            site.spoil = lambda answer: replace(answer, head=Head(7, 7, bytes(32)))
        case "low":
            site.spoil = lambda answer: replace(answer, head=Head(0, 0, bytes(32)), notice=b"")
        case "alter":
            site.alter = _without_salt
        case "forge":
            site.spoil = lambda answer: replace(answer, receipts=(b"x",), notice=b"x")
    site.host.live(300)
    if not site.down:
        site.host.agent.ship(site)
        site.forward()


def _without_salt(wire: bytes) -> bytes:
    report = report_pb2.Report.FromString(wire)
    for block in report.blocks:
        block.salt = bytes(16)
    return report.SerializeToString()


def test_receipt_payloads_have_the_contracts_verdicts() -> None:
    """The agent's numbers are the contract's."""
    assert {v.name: int(v) for v in Verdict} == {
        name.removeprefix("VERDICT_"): number for name, number in metering_pb2.Verdict.items()
    }
