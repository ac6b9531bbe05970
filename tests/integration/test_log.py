"""The append-only log: indices, roots, proofs, checkpoints, and what tampering meets."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fixtures_ingest import ReportingHost, enrol
from kashi import merkle
from kashi.errors import FormError, SignatureError
from kashi_server.errors import StorageError
from kashi_server.log.audit import check_log
from kashi_server.log.checkpoint import CheckpointText, sign_checkpoint, verify_checkpoint
from kashi_server.log.sequencer import entry_bytes, sequence
from kashi_server.log.tree import Tree, appended_tiles
from kashi_server.services.authority import Keyring
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.log_port import LogHead
from kashi_server.services.receipts import log_entry
from kashi_server.storage.tables import log as tables
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import func, select, update

Clock = Callable[[], int]


@dataclass(slots=True)
class Filled:
    """A database with reports of two hosts in the log, and their receipts by (host, sequence)."""

    work: Work
    keyring: Keyring
    clock: Clock
    ingestion: Ingestion
    hosts: list[ReportingHost]
    receipts: dict[tuple[str, int], bytes]

    def report(self, count: int) -> None:
        """Both hosts report."""
        for host in self.hosts:
            wires = [host.report(1) for _ in range(count)]
            (answer,) = self.ingestion.ingest([Submission(host.standing(), wires)])
            assert isinstance(answer, Answer)
            for place, result in enumerate(answer.results, start=host.sequence - count + 1):
                self.receipts[host.host_id, place] = result.receipt


@pytest.fixture
def filled(work: Work, keyring: Keyring, clock: Clock, ingestion: Ingestion) -> Filled:
    """Two hosts with seven reports each, not sequenced yet."""
    hosts = [ReportingHost(f"{n:08d}-0000-4000-8000-000000000000", [f"GPU-{n}"]) for n in range(2)]
    for host in hosts:
        enrol(work, host)
    filled = Filled(work, keyring, clock, ingestion, hosts, {})
    filled.report(7)
    return filled


def test_every_receipt_is_in_the_log_once(filled: Filled) -> None:
    """Whoever holds a receipt can show it in the tree of the checkpoint, at its one index."""
    checkpoint = sequence(filled.work, filled.keyring, filled.clock)
    filled.report(3)
    checkpoint = sequence(filled.work, filled.keyring, filled.clock)

    indices = set()
    with filled.work.begin(writes=False) as unit:
        tree = Tree(unit.log.tile, checkpoint.size)
        for (host_id, number), receipt in filled.receipts.items():
            index = unit.log.index_of_report(host_id, 1, number)
            assert index is not None
            indices.add(index)
            leaf = merkle.leaf_hash(log_entry(receipt))
            proof = tree.inclusion_proof(index)
            merkle.verify_inclusion(leaf, index, checkpoint.size, proof, checkpoint.root)
        references = unit.facts.report_references([filled.hosts[0].host_id], 0, 2**31)
    assert indices == set(range(20))
    assert [one.log_index in indices for one in references] == [True] * 10


def test_checkpoint_verifies_and_grows(filled: Filled) -> None:
    """The signed text says size, root and time; a later tree holds the earlier one."""
    key = filled.keyring.checkpoint_key.public_key()
    first = sequence(filled.work, filled.keyring, filled.clock)
    filled.report(2)
    second = sequence(filled.work, filled.keyring, filled.clock)

    text = verify_checkpoint(key, second.signed)

    assert (text.size, text.root) == (18, second.root)
    with filled.work.begin(writes=False) as unit:
        proof = Tree(unit.log.tile, second.size).consistency_proof(first.size)
        assert unit.log.latest_signed() == second.signed
    merkle.verify_consistency(first.size, first.root, second.size, second.root, proof)


def test_other_entries_take_their_place(filled: Filled) -> None:
    """A price or a statement is pending until sequenced, then has an index of its own."""
    with filled.work.begin() as unit:
        unit.log.append_pending("statement", "KS-2026-10-0001", b'{"a":1}')
        unit.commit()

    checkpoint = sequence(filled.work, filled.keyring, filled.clock)

    with filled.work.begin(writes=False) as unit:
        index = unit.log.index_of("statement", "KS-2026-10-0001")
        assert index is not None
        proof = Tree(unit.log.tile, checkpoint.size).inclusion_proof(index)
    leaf = merkle.leaf_hash(entry_bytes("statement", "KS-2026-10-0001", b'{"a":1}'))
    merkle.verify_inclusion(leaf, index, checkpoint.size, proof, checkpoint.root)


def test_nothing_new_signs_nothing_new(filled: Filled) -> None:
    """A second run without new entries gives the same checkpoint."""
    first = sequence(filled.work, filled.keyring, filled.clock)

    assert sequence(filled.work, filled.keyring, filled.clock) == first


def test_empty_log_has_a_checkpoint(work: Work, keyring: Keyring, clock: Clock) -> None:
    """A server without a single report signs the empty tree."""
    checkpoint = sequence(work, keyring, clock)

    assert (checkpoint.size, checkpoint.root) == (0, merkle.EMPTY_ROOT)


def test_uncommitted_entries_have_no_index(filled: Filled) -> None:
    """What was rolled back never reaches the log."""
    with filled.work.begin() as unit:
        unit.log.append_pending("price", "p", b"never")

    assert sequence(filled.work, filled.keyring, filled.clock).size == 14


def test_second_sequencer_cannot_fork_the_log(filled: Filled) -> None:
    """A head that moved meanwhile is not moved again: compare-and-swap."""
    with filled.work.begin(writes=False) as unit:
        stale = unit.log.head()
    sequence(filled.work, filled.keyring, filled.clock)

    with filled.work.begin() as unit:
        assert unit.log.move_head(stale, LogHead(1, (bytes(32),))) is False


def test_altered_entry_is_found_before_signing(filled: Filled) -> None:
    """If the signed tree no longer stands in storage, nothing more is signed."""
    sequence(filled.work, filled.keyring, filled.clock)
    with filled.work.begin() as unit:
        hashes = bytearray(unit.log.tile(0, 0))
        hashes[40] ^= 1
        unit.log.write_tiles({(0, 0): bytes(hashes)})
        unit.commit()
    filled.report(1)

    with pytest.raises(StorageError, match=r"no longer holds|different roots"):
        sequence(filled.work, filled.keyring, filled.clock)

    with filled.work.begin(writes=False) as unit:
        count = select(func.count()).select_from(tables.checkpoints)
        assert unit.connection.execute(count).scalar_one() == 1


def test_audit_names_what_was_altered(filled: Filled) -> None:
    """Entries, tiles and checkpoints that differ from what was signed are found and named."""
    with filled.work.begin() as unit:
        unit.log.append_pending("price", "h100", b"12.00")
        unit.commit()
    sequence(filled.work, filled.keyring, filled.clock)
    key = filled.keyring.checkpoint_key.public_key()
    assert check_log(filled.work, key).differences == []

    with filled.work.begin() as unit:
        unit.connection.execute(update(tables.log_entries).values(entry=b"10.00"))
        unit.commit()

    assert check_log(filled.work, key).differences == [
        "日志第 14 条与其分块所载不符。log entry 14 is not what its tile holds"
    ]


def test_audit_checks_the_signer(filled: Filled) -> None:
    """A checkpoint re-signed by another key is found."""
    checkpoint = sequence(filled.work, filled.keyring, filled.clock)
    forged = sign_checkpoint(
        ec.generate_private_key(ec.SECP256R1()), checkpoint.size, checkpoint.root, checkpoint.utc_ms
    )
    with filled.work.begin() as unit:
        unit.connection.execute(update(tables.checkpoints).values(signed=forged.signed))
        unit.commit()

    checked = check_log(filled.work, filled.keyring.checkpoint_key.public_key())

    assert len(checked.differences) == 1
    assert "checkpoint of size 14" in checked.differences[0]


def test_tree_over_tiles_is_the_tree_of_the_rfc() -> None:
    """Roots and proofs over tiles equal those over all leaves, at sizes around every edge."""
    leaves = [merkle.leaf_hash(b"%d" % n) for n in range(1100)]
    tiles: dict[tuple[int, int], bytes] = {}

    def read(level: int, number: int) -> bytes:
        return tiles.get((level, number), b"")

    size = 0
    for step in (1, 1, 3, 250, 1, 1, 200, 55, 300, 212, 76):
        tiles.update(appended_tiles(read, size, leaves[size : size + step]))
        size += step
        tree = Tree(read, size)
        assert tree.root() == merkle.root(leaves[:size])
        for index in {0, size // 3, size - 1}:
            assert tree.inclusion_proof(index) == merkle.inclusion_proof(leaves[:size], index)
        for old in {1, (size + 1) // 2, size}:
            assert tree.consistency_proof(old) == merkle.consistency_proof(leaves[:size], old)
    assert size == len(leaves)


def test_proof_in_a_large_log_reads_few_tiles() -> None:
    """Among 200 000 leaves a proof reads a handful of tiles, not the log."""
    tiles: dict[tuple[int, int], bytes] = {}
    leaves = [hashlib.sha256(b"%d" % n).digest() for n in range(200_000)]
    tiles.update(appended_tiles(lambda level, number: tiles.get((level, number), b""), 0, leaves))
    reads: list[tuple[int, int]] = []

    def read(level: int, number: int) -> bytes:
        reads.append((level, number))
        return tiles.get((level, number), b"")

    tree = Tree(read, len(leaves))
    proof = tree.inclusion_proof(123_456)

    assert len(set(reads)) <= 8
    merkle.verify_inclusion(
        leaves[123_456], 123_456, len(leaves), proof, Tree(read, len(leaves)).root()
    )


def test_checkpoint_text_has_one_spelling() -> None:
    """Whatever is not written exactly so is no checkpoint."""
    text = CheckpointText(origin="kashi/v1/log/x", size=3, root=bytes(32), utc_ms=5)

    assert CheckpointText.parse(text.body()) == text
    for spoiled in (text.body() + b"x", text.body().replace(b"\n3\n", b"\n03\n"), b"", b"\xff"):
        with pytest.raises(FormError):
            CheckpointText.parse(spoiled)


def test_receipt_signature_is_no_checkpoint_signature(keyring: Keyring) -> None:
    """The prefix tells kinds apart though one key signs both."""
    checkpoint = sign_checkpoint(keyring.checkpoint_key, 1, bytes(32), 0)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()

    verify_checkpoint(keyring.receipt_key.public_key(), checkpoint.signed)
    with pytest.raises(SignatureError):
        verify_checkpoint(other, checkpoint.signed)
