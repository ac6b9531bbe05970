"""A simulated disk, and a server that gives verdicts by the contract's own rules.

`SimulatedDisk` keeps for every file what is durable and what is not; `power_cut` leaves a random
legal state of it. `VerdictServer` is the far end of shipping in memory: it implements
`kashi_agent.shipping.Wire`, can lose requests and answers, can be set back to a backup, and adds
up what it accepted by its own plain arithmetic.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing
from kashi.chain import NO_HEAD, Head, Place, open_report, place_report
from kashi.errors import ContractError
from kashi.v1 import metering_pb2, report_pb2
from kashi_agent.errors import DiskFullError, LockedError, UnreachableError
from kashi_agent.shipping import Answer, Result, Verdict

Span = tuple[int, int]


@dataclass(slots=True)
class _File:
    """`writes`: not synchronised yet. `dropped`: ranges whose fsync failed; the page cache still
    shows them, the disk will never have them."""

    content: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    dropped: list[tuple[int, int]] = field(default_factory=list)

    def copy(self) -> "_File":
        return _File(bytearray(self.content), self.durable, list(self.writes), list(self.dropped))


class SimulatedDisk:
    """One folder of a disk that can run full, fail, and lose power.

    What fsync made durable survives a power cut. Of what came after, a cut keeps any subset of
    whole and torn writes; names survive as the last fsync of the folder left them, or newer.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._files: dict[str, _File] = {}
        self._folder: dict[str, _File] = {}
        self._locked = False
        self.bytes_max: int | None = None
        self.fail: Callable[[str, str], OSError | None] = lambda _operation, _name: None

    def names(self) -> list[str]:
        """Names of the files, sorted."""
        return sorted(self._files)

    def size(self, name: str) -> int:
        """Length of a file."""
        return len(self._files[name].content)

    def read(self, name: str, offset: int = 0, length: int = -1) -> bytes:
        """Bytes of a file."""
        self._maybe_fail("read", name)
        end = None if length < 0 else offset + length
        return bytes(self._files[name].content[offset:end])

    def append(self, name: str, content: bytes) -> None:
        """Write at the end, all or (on a full disk) nothing."""
        self._maybe_fail("append", name)
        if self.bytes_max is not None and self.used + len(content) > self.bytes_max:
            raise DiskFullError(errno.ENOSPC, f"{name}: simulated full disk")
        file = self._files.setdefault(name, _File())
        file.writes.append((len(file.content), bytes(content)))
        file.content += content

    def overwrite(self, name: str, offset: int, content: bytes) -> None:
        """Write at an offset."""
        self._maybe_fail("overwrite", name)
        file = self._files.setdefault(name, _File())
        file.writes.append((offset, bytes(content)))
        _apply(file.content, offset, content)

    def truncate(self, name: str, size: int) -> None:
        """Cut a file."""
        self._maybe_fail("truncate", name)
        file = self._files[name]
        del file.content[size:]
        file.writes = [(at, part) for at, part in file.writes if at + len(part) <= size]

    def sync(self, name: str) -> None:
        """Make a file durable. What an earlier call failed on is lost, and this one says nothing
        of it: so does Linux."""
        file = self._files[name]
        error = self.fail("sync", name)
        if error is not None:
            file.dropped += [(at, len(part)) for at, part in file.writes]
            file.writes.clear()
            raise error
        durable = bytearray(file.content)
        for at, length in file.dropped:
            durable[at : at + length] = bytes(len(durable[at : at + length]))
        file.durable = bytes(durable)
        file.writes.clear()

    def sync_folder(self) -> None:
        """Make names durable."""
        self._maybe_fail("sync_folder", "")
        self._folder = dict(self._files)

    def rename(self, old: str, new: str) -> None:
        """Replace a file by another."""
        self._maybe_fail("rename", old)
        self._files[new] = self._files.pop(old)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._maybe_fail("remove", name)
        self._files.pop(name, None)

    def reserve(self, name: str, size: int) -> None:
        """Make a file of zeros."""
        self.append(name, bytes(size))

    def lock(self) -> None:
        """Become the only writer."""
        if self._locked:
            raise LockedError("simulated lock")
        self._locked = True

    def close(self) -> None:
        """Let go."""
        self._locked = False

    @property
    def used(self) -> int:
        """Bytes in all files."""
        return sum(len(file.content) for file in self._files.values())

    def kill(self) -> None:
        """The process dies; the machine goes on and loses nothing."""
        self._locked = False

    def power_cut(self) -> None:
        """The machine stops: a legal state of what was not synchronised is what remains."""
        self._locked = False
        names = self._folder if self._random.random() < 0.5 else self._files
        survivors = {name: self._after_cut(file) for name, file in names.items()}
        self._files = survivors
        self._folder = dict(survivors)

    def copy(self, random: Random) -> "SimulatedDisk":
        """The same disk once more, with chances of its own and nobody at work on it."""
        twins = {id(file): file.copy() for file in (*self._files.values(), *self._folder.values())}
        made = SimulatedDisk(random)
        made._files = {name: twins[id(file)] for name, file in self._files.items()}
        made._folder = {name: twins[id(file)] for name, file in self._folder.items()}
        made.bytes_max = self.bytes_max
        return made

    def flip(self, name: str, offset: int, mask: int = 0x40) -> None:
        """Flip bits of a byte that was durable."""
        self._files[name].content[offset] ^= mask
        self.sync(name)

    def _after_cut(self, file: _File) -> _File:
        content = bytearray(file.durable)
        for at, part in file.writes:
            kept = self._random.choice((0, len(part), self._random.randint(0, len(part))))
            if kept:
                _apply(content, at, part[:kept])
        return _File(content=content, durable=bytes(content))

    def _maybe_fail(self, operation: str, name: str) -> None:
        error = self.fail(operation, name)
        if error is not None:
            raise error


def _apply(content: bytearray, offset: int, part: bytes) -> None:
    if len(content) < offset:
        content += bytes(offset - len(content))
    content[offset : offset + len(part)] = part


@dataclass(slots=True)
class Account:
    """What a device's accepted blocks add up to, and the spans they covered."""

    observed_ms: int = 0
    gap_ms: int = 0
    utilised_ns: int = 0
    gaps: list[tuple[bytes, int, int, int]] = field(default_factory=list)
    spans: list[tuple[bytes, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Stored:
    """A report the server holds."""

    head: Head
    wire: bytes
    receipt: bytes


class VerdictServer:
    """The metering port in memory."""

    def __init__(self, report_key: ec.EllipticCurvePublicKey, host_id: str) -> None:
        self._report_key = report_key
        self._host_id = host_id
        self._receipt_key = ec.generate_private_key(ec.SECP256R1())
        self._forks: list[bytes] = []
        self.stored: list[Stored] = []
        self.now_utc_ms = 1_793_000_000_000
        self.calls = 0
        self.reject: Callable[[bytes], bool] = lambda _wire: False
        self.faults: list[str] = []

    @property
    def receipt_key(self) -> ec.EllipticCurvePublicKey:
        """What receipts verify under."""
        return self._receipt_key.public_key()

    @property
    def head(self) -> Head:
        """The last report held."""
        return self.stored[-1].head if self.stored else NO_HEAD

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Take reports. `faults` are used up one a call: lose_request, lose_answer, or none."""
        self.calls += 1
        self.now_utc_ms += 1_000
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "lose_request":
            raise UnreachableError("simulated: the request was lost")
        results = tuple(self._judge(wire) for wire in reports)
        if fault == "lose_answer":
            raise UnreachableError("simulated: the answer was lost")
        return Answer(results=results, head=self.head, checkpoint=self._checkpoint())

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Not part of these tests."""
        raise UnreachableError(f"no renewal for a request of {len(csr)} bytes")

    def restore(self, count: int) -> None:
        """Go back to a backup that holds the first `count` reports."""
        del self.stored[count:]

    def openings(self) -> list[report_pb2.EpochOpening]:
        """The openings of epochs above 1, in order."""
        headers = [self.header(stored) for stored in self.stored]
        return [header.epoch_opening for header in headers if header.HasField("epoch_opening")]

    def header(self, stored: Stored) -> report_pb2.ReportHeader:
        """The header of a stored report."""
        return report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(stored.wire).header)

    def accounts(self) -> dict[str, Account]:
        """What the stored reports add up to, by device."""
        accounts: dict[str, Account] = {}
        for stored in self.stored:
            header = self.header(stored)
            for block in report_pb2.Report.FromString(stored.wire).blocks:
                if block.kind == report_pb2.BLOCK_KIND_DEVICE:
                    content = report_pb2.DeviceBlock.FromString(block.content)
                    account = accounts.setdefault(content.device.hardware_id, Account())
                    _add(account, header.boot_id, content)
        return accounts

    def _judge(self, wire: bytes) -> Result:
        try:
            report = open_report(wire, self._report_key)
        except ContractError as error:
            return Result(Verdict.REJECTED, detail=str(error))
        header = report.header
        match place_report(self.head, header):
            case Place.AHEAD:
                return Result(Verdict.GAP, detail="ahead")
            case Place.BEHIND:
                return self._behind(header, report.sha256)
            case Place.BROKEN:
                return Result(Verdict.REJECTED, detail="broken link")
            case place:
                opens = place is Place.OPENS_EPOCH
                fault = "refused" if self.reject(wire) else self._axis_fault(header, opens=opens)
        if fault:
            return Result(Verdict.REJECTED, detail=fault)
        head = Head(header.epoch, header.sequence, report.sha256)
        receipt = self._receipt(head)
        self.stored.append(Stored(head, wire, receipt))
        return Result(Verdict.ACCEPTED, receipt)

    def _behind(self, header: report_pb2.ReportHeader, sha256: bytes) -> Result:
        for stored in self.stored:
            if (stored.head.epoch, stored.head.sequence) == (header.epoch, header.sequence):
                if stored.head.sha256 == sha256:
                    return Result(Verdict.DUPLICATE, stored.receipt)
                self._forks.append(sha256)
                return Result(Verdict.FORK, detail="taken")
        return Result(Verdict.REJECTED, detail="an epoch that ended")

    def _axis_fault(self, header: report_pb2.ReportHeader, *, opens: bool) -> str:
        if not self.stored or opens:
            return ""
        before = self.header(self.stored[-1])
        if before.boot_id != header.boot_id:
            return ""
        if before.segment.number == header.segment.number:
            if before.segment != header.segment:
                return "the segment changed"
            if before.end_boottime_ms != header.start_boottime_ms:
                return f"{header.start_boottime_ms} follows {before.end_boottime_ms}"
        elif header.start_boottime_ms < before.end_boottime_ms:
            return "a later segment begins earlier"
        return ""

    def _receipt(self, head: Head) -> bytes:
        payload = metering_pb2.ReceiptPayload(
            host_id=self._host_id,
            epoch=head.epoch,
            sequence=head.sequence,
            report_sha256=head.sha256,
            verdict=metering_pb2.VERDICT_ACCEPTED,
            received_utc_ms=self.now_utc_ms,
        ).SerializeToString()
        return metering_pb2.Receipt(
            payload=payload, signature=signing.sign(self._receipt_key, signing.RECEIPT, payload)
        ).SerializeToString()

    def _checkpoint(self) -> bytes:
        body = f"kashi.test\n{len(self.stored)}\n{'A' * 44}\n{self.now_utc_ms}\n".encode()
        return metering_pb2.SignedCheckpoint(
            body=body, signature=signing.sign(self._receipt_key, signing.CHECKPOINT, body)
        ).SerializeToString()


def _add(account: Account, boot_id: bytes, block: report_pb2.DeviceBlock) -> None:
    start = block.start_boottime_ms
    account.spans.append((boot_id, start, block.end_boottime_ms))
    for reading in block.readings:
        account.observed_ms += reading.observed_ms
        account.utilised_ns += reading.utilised_ns
    for gap in block.gaps:
        account.gap_ms += gap.span_ms
        account.gaps.append((boot_id, start + gap.start_offset_ms, gap.span_ms, gap.reason))
