"""What a relay keeps, and what lets it go."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kashi import signing
from kashi_agent.errors import DiskFullError, RefusedError
from kashi_agent.relay.parcel import Parcel, Returned, Slip, Word
from kashi_agent.relay.store import RelayStore
from kashi_agent.relay.strangers import STRANGER_MS
from kashi_agent.spool.sealed import Position

HOST = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RelayStore]:
    """An empty store."""
    made = RelayStore(tmp_path / "relay.db")
    yield made
    made.close()


def parcel(sequence: int, epoch: int = 1, size: int = 100) -> Parcel:
    """A report, as far as a relay looks at one."""
    wire = f"{epoch}/{sequence}/".encode().ljust(size, b"x")
    return Parcel(
        position=(epoch, sequence),
        sha256=signing.sha256(b"header", wire),
        wire_sha256=signing.sha256(wire),
        wire=wire,
        label=wire[:20],
    )


def returned(
    head: Position, *receipted: Parcel, at: int = 1, refused: tuple[Parcel, ...] = ()
) -> Returned:
    """What the server sends back."""
    return Returned(
        host_id=HOST,
        slips=tuple(
            Slip(position=one.position, sha256=one.sha256, receipt=b"receipt" + one.wire_sha256)
            for one in receipted
        ),
        word=Word(
            head=head,
            answered_utc_ms=at,
            refused=frozenset(one.wire_sha256 for one in refused),
            notice=f"notice {at}".encode(),
        ),
        checkpoint=b"checkpoint",
    )


def waiting(store: RelayStore) -> list[Position]:
    """Places of what waits to be forwarded."""
    return [position for position, _ in store.batch(HOST)]


def take(store: RelayStore, *sequences: int, acknowledged: int = 0) -> Position:
    """A host hands over reports; up to where the relay says that it holds them."""
    parcels = [parcel(sequence) for sequence in sequences]
    return store.take(HOST, parcels, (1, acknowledged) if acknowledged else (0, 0), 1).held


def test_what_is_kept_outlives_the_relay(store: RelayStore, tmp_path: Path) -> None:
    """Opened again, it is all there."""
    assert take(store, 1, 2, 3) == (1, 3)
    store.close()
    again = RelayStore(tmp_path / "relay.db")

    assert waiting(again) == [(1, 1), (1, 2), (1, 3)]
    assert again.waiting_hosts() == [HOST]
    again.close()


def test_a_report_handed_over_twice_is_kept_once(store: RelayStore) -> None:
    """After a lost answer the host sends it again."""
    take(store, 1, 2)

    assert take(store, 1, 2, 3) == (1, 3)
    assert waiting(store) == [(1, 1), (1, 2), (1, 3)]


def test_what_follows_a_hole_is_not_kept(store: RelayStore) -> None:
    """The host is told up to where reports are held, and fills the hole."""
    assert take(store, 4, 5) == (0, 0)
    assert take(store, 4, 5, acknowledged=3) == (1, 5)
    assert take(store, 7, acknowledged=3) == (1, 5)
    assert waiting(store) == [(1, 4), (1, 5)]


def test_a_receipt_lets_a_report_go_and_waits_for_its_host(store: RelayStore) -> None:
    """Until the host says that it has it; only that one report."""
    take(store, 1, 2, 3)
    store.absorb(returned((1, 2), parcel(1), parcel(2)))

    handed = store.take(HOST, [], (0, 0), 1)
    assert waiting(store) == [(1, 3)]
    assert handed.receipts == tuple(b"receipt" + parcel(n).wire_sha256 for n in (1, 2))
    assert (handed.notice, handed.checkpoint, handed.held) == (b"notice 1", b"checkpoint", (1, 3))
    assert len(store.take(HOST, [], (1, 1), 1).receipts) == 1
    assert store.take(HOST, [], (1, 2), 1).receipts == ()


def test_a_receipt_for_other_bytes_lets_nothing_go(store: RelayStore) -> None:
    """It is for another report under the same number."""
    take(store, 1)
    other = parcel(1, size=200)

    store.absorb(returned((1, 1), other))

    assert waiting(store) == [(1, 1)]


def test_a_receipted_report_is_not_forwarded_again(store: RelayStore) -> None:
    """The host had not yet fetched the receipt and hands the report over once more."""
    take(store, 1)
    store.absorb(returned((1, 1), parcel(1)))

    assert take(store, 1, 2) == (1, 2)
    assert waiting(store) == [(1, 2)]


def test_an_older_notice_changes_nothing(store: RelayStore) -> None:
    """Files come in any order."""
    take(store, 1, 2, 3)
    store.absorb(returned((1, 2), parcel(1), parcel(2), at=20))
    store.absorb(returned((0, 0), at=10, refused=(parcel(3),)))

    handed = store.take(HOST, [], (0, 0), 1)
    assert handed.notice == b"notice 20"
    assert waiting(store) == [(1, 3)]


def test_a_refused_report_goes_with_all_that_follows_it(store: RelayStore) -> None:
    """What chains on it can never be taken."""
    take(store, 1, 2, 3, 4)
    store.absorb(returned((1, 1), parcel(1), refused=(parcel(2),)))

    assert waiting(store) == []
    assert store.take(HOST, [], (0, 0), 1).held == (1, 1)


def test_what_does_not_follow_the_servers_head_goes(store: RelayStore) -> None:
    """A server set back to a backup: the host hands over everything from its head on."""
    take(store, 1, 2, 3)
    store.absorb(returned((1, 3), parcel(1), parcel(2), parcel(3), at=1))
    take(store, 4, acknowledged=3)
    store.absorb(returned((1, 1), at=2))

    assert waiting(store) == []
    assert store.take(HOST, [], (1, 1), 1).held == (1, 1)


def test_a_new_epoch_follows(store: RelayStore) -> None:
    """Its first report comes after any of the epoch before."""
    take(store, 1, 2)
    store.take(HOST, [parcel(1, epoch=2), parcel(2, epoch=2)], (0, 0), 1)

    assert waiting(store) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_call_takes_no_more_than_a_message_holds(store: RelayStore) -> None:
    """Oldest first; the rest with the next calls, without end or overlap."""
    store.take(HOST, [parcel(n, size=300_000) for n in range(1, 9)], (0, 0), 1)
    taken: list[Position] = []
    after: Position = (0, 0)
    while batch := store.batch(HOST, after):
        assert sum(len(wire) for _, wire in batch) < 1 << 20
        taken += [position for position, _ in batch]
        after = batch[-1][0]

    assert taken == [(1, n) for n in range(1, 9)]


def test_a_full_disk_keeps_nothing_of_a_call(store: RelayStore) -> None:
    """And nothing that was kept before is lost."""
    take(store, 1)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(DiskFullError):
        store.take(HOST, [parcel(n, size=100_000) for n in (2, 3)], (0, 0), 1)
    assert waiting(store) == [(1, 1)]
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert take(store, 2) == (1, 2)


def test_hosts_are_kept_apart(store: RelayStore) -> None:
    """Receipts, notices and reports of one never reach another."""
    take(store, 1)
    store.take(OTHER, [parcel(1)], (0, 0), 1)
    store.absorb(returned((1, 1), parcel(1)))

    other = store.take(OTHER, [], (0, 0), 1)
    assert store.waiting_hosts() == [OTHER]
    assert (other.receipts, other.notice) == ((), b"")


def test_a_request_for_a_certificate_is_answered_for_the_key_it_asked_for(
    store: RelayStore,
) -> None:
    """An answer to an earlier request is not handed over for a later one."""
    assert store.ask(HOST, b"first", b"key 1", 1) == b""
    assert store.ask(HOST, b"second", b"key 2", 1) == b""
    assert store.renewals() == [(HOST, b"second")]
    store.settle(HOST, b"key 1", b"old answer")
    assert store.ask(HOST, b"second again", b"key 2", 1) == b""
    store.settle(HOST, b"key 2", b"answer")

    assert store.ask(HOST, b"once more", b"key 2", 1) == b"answer"
    assert store.renewals() == []


def test_how_hosts_stand_is_told(store: RelayStore) -> None:
    """What waits and since when, where the server stands, what is to be fetched."""
    take(store, 1, 2)
    store.absorb(returned((1, 1), parcel(1), at=7))
    store.trouble(HOST, "the server refuses it")

    (standing,) = store.standings()
    assert (standing.waiting_reports, standing.oldest_utc_ms) == (1, 1)
    assert (standing.last, standing.head, standing.answered_utc_ms) == ((1, 2), (1, 1), 7)
    assert (standing.receipts_to_fetch, standing.trouble) == (1, "the server refuses it")


def test_one_host_cannot_fill_the_disk(store: RelayStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are bounded by their bytes too: a call that leads beyond keeps nothing, and what the
    host handed over before stays."""
    monkeypatch.setattr("kashi_agent.relay.store.BYTES_PER_HOST_MAX", 2_500)
    assert store.take(HOST, [parcel(1, size=1_000), parcel(2, size=1_000)], (0, 0), 1).held == (
        1,
        2,
    )

    with pytest.raises(DiskFullError, match="3000 bytes"):
        store.take(HOST, [parcel(3, size=1_000)], (0, 0), 1)

    assert waiting(store) == [(1, 1), (1, 2)]


def test_of_a_host_the_server_has_not_answered_for_little_is_kept(
    store: RelayStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number and by bytes: a relay is no place to leave things. Once the server has answered
    for it, it may have what every host may; what is not taken stays with its host."""
    monkeypatch.setattr("kashi_agent.relay.strangers.UNKNOWN_REPORTS_MAX", 2)
    monkeypatch.setattr("kashi_agent.relay.strangers.UNKNOWN_BYTES_MAX", 1_000)
    take(store, 1, 2)
    with pytest.raises(DiskFullError, match="3 reports"):
        take(store, 3)
    with pytest.raises(DiskFullError, match="1001 bytes"):
        store.take(OTHER, [parcel(1, size=1_001)], (0, 0), 1)

    store.absorb(returned((1, 1), parcel(1)))

    assert take(store, 3, 4, 5) == (1, 5)
    assert waiting(store) == [(1, 2), (1, 3), (1, 4), (1, 5)]
    assert [(one.host_id, one.known) for one in store.standings()] == [(HOST, True)]


def test_hosts_the_server_has_not_answered_for_have_so_much_room_together(
    store: RelayStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of them call: what leads beyond is refused and says why, and what is kept stays.
    A host that the server has answered for is served on, and what waits of it counts no more."""
    monkeypatch.setattr("kashi_agent.relay.strangers.UNKNOWN_REPORTS_MAX", 2)
    monkeypatch.setattr("kashi_agent.relay.strangers.UNKNOWN_BYTES_MAX", 1_000)
    monkeypatch.setattr("kashi_agent.relay.strangers.UNKNOWN_HOSTS_MAX", 2)
    unknown = [f"{number:08d}-0000-4000-8000-000000000009" for number in range(4)]
    take(store, 1)
    for host_id in unknown[:2]:
        store.take(host_id, [parcel(1, size=900)], (0, 0), 1)
    store.take(unknown[2], [parcel(1, size=1)], (0, 0), 1)

    with pytest.raises(DiskFullError, match="5 reports of hosts that the server has not answered"):
        store.take(unknown[3], [parcel(1, size=1)], (0, 0), 1)
    assert store.take(unknown[3], [], (0, 0), 1).held == (0, 0)
    store.absorb(returned((1, 1), parcel(1)))
    with pytest.raises(DiskFullError, match=f"; this relay takes none of host {unknown[3]}, which"):
        store.take(unknown[3], [parcel(1, size=899)], (0, 0), 1)

    assert take(store, 2, 3, 4) == (1, 4)
    assert sorted(store.waiting_hosts()) == sorted([HOST, *unknown[:3]])


def test_what_is_kept_of_a_stranger_goes_and_nothing_more_is_taken(store: RelayStore) -> None:
    """The server said that it is none of the relay's party: reports and request go, it hears why
    for a day, and then the server is asked again. Other hosts are served on."""
    take(store, 1, 2)
    store.take(OTHER, [parcel(1)], (0, 0), 1)
    store.ask(HOST, b"request", b"key", 1)

    store.estrange(HOST, "not of the party")

    assert (store.waiting_hosts(), store.renewals()) == ([OTHER], [])
    for at in (1, STRANGER_MS):
        with pytest.raises(RefusedError, match="not of the party"):
            store.take(HOST, [parcel(1)], (0, 0), at)
        with pytest.raises(RefusedError, match="not of the party"):
            store.ask(HOST, b"request", b"key", at)
    told = {one.host_id: (one.stranger, one.known, one.trouble) for one in store.standings()}
    assert told == {HOST: (True, False, "not of the party"), OTHER: (False, False, "")}
    assert store.take(OTHER, [parcel(2)], (0, 0), 1).held == (1, 2)
    assert store.take(HOST, [parcel(1)], (0, 0), 1 + STRANGER_MS).held == (1, 1)
    assert not {one.host_id: one.stranger for one in store.standings()}[HOST]
