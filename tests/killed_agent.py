"""A real agent process on real files that is killed, and started again in milliseconds.

`python killed_agent.py FOLDER SOCKET` waits for lines on standard input; each names an instant of
the boot's clock, and forks an agent that lives from there on: it measures as fast as the disk takes
it, writes, seals and ships over the socket until it is killed. Where it stands is in a file that it
maps, which a kill leaves as it is. Everything but its clock and its server is what runs on a host.
"""

import mmap
import os
import pickle
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from random import SystemRandom

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from driven_host import DEVICES, HOST_ID, METER, SEEN
from kashi import signing
from kashi_agent.agent import Agent, Signing
from kashi_agent.errors import UnreachableError
from kashi_agent.naming import HolderNaming
from kashi_agent.sample import Sample, SampleBatch
from kashi_agent.shipping import Answer
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from said import Said

from deploy.demo.manual_clock import ManualClock

BOOT_START_MS = 3_600_000
START_UTC_MS = 1_792_800_000_000
SAMPLE_MS = 2_500
REPORT_MS = 60_000
SEGMENT_BYTES = 1 << 13
SHIP_EVERY = 30
"""Readings between two deliveries."""

_LENGTH = struct.Struct(">I")
_PLACE = struct.Struct(">QQ")


class SocketWire:
    """Calls over a Unix socket to whoever started this process."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Hand over reports; UnreachableError when nobody answers."""
        send(self._socket, list(reports))
        told = receive(self._socket)
        if not isinstance(told, dict):
            raise UnreachableError("no answer")
        return Answer(**told)

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Not part of these tests."""
        raise UnreachableError(f"no renewal for a request of {len(csr)} bytes")


def told_of(answer: Answer) -> dict[str, object]:
    """What of an answer another process can be told: not whether this one has settled it."""
    return {one.name: getattr(answer, one.name) for one in fields(answer) if one.compare}


def send(connection: socket.socket, message: object) -> None:
    """One message, its length before it."""
    content = pickle.dumps(message)
    connection.sendall(_LENGTH.pack(len(content)) + content)


def receive(connection: socket.socket) -> object:
    """One message; None when the other end is gone."""
    head = connection.recv(_LENGTH.size, socket.MSG_WAITALL)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = connection.recv(length, socket.MSG_WAITALL)
    return pickle.loads(content) if len(content) == length else None


class Progress:
    """The instants of the last reading and of the last durable write, in a mapped file."""

    def __init__(self, path: Path) -> None:
        with path.open("a+b") as file:
            file.truncate(_PLACE.size)
            self._map = mmap.mmap(file.fileno(), _PLACE.size)

    def write(self, said_ms: int, durable_ms: int) -> None:
        """Survives the process."""
        self._map[:] = _PLACE.pack(said_ms, durable_ms)

    def read(self) -> tuple[int, int]:
        """Both instants."""
        said_ms, durable_ms = _PLACE.unpack(self._map[:])
        return said_ms, durable_ms


def clock_at(boottime_ms: int) -> ManualClock:
    """The host's clocks at an instant of its only boot."""
    utc = START_UTC_MS + boottime_ms - BOOT_START_MS
    return ManualClock(boottime=boottime_ms, monotonic=boottime_ms, utc=utc)


def agent_on(folder: Path, clock: ManualClock, keys: Signing) -> Agent:
    """An agent on the folder's spool."""
    return Agent(
        spool=Spool(
            RealDisk(folder / "spool"),
            HOST_ID,
            segment_bytes=SEGMENT_BYTES,
            reserves={"reserve": SEGMENT_BYTES},
        ),
        clock=clock,
        naming=HolderNaming(bytes(32)),
        signing=keys,
        random=SystemRandom(),
        random_bytes=os.urandom,
        interval_ms=REPORT_MS,
    )


def write_keys(
    folder: Path, report_key: ec.EllipticCurvePrivateKey, receipt_key: ec.EllipticCurvePublicKey
) -> None:
    """What the host signs with and whose receipts it believes."""
    (folder / "report.key").write_bytes(
        report_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "receipt.pub").write_bytes(signing.public_key_bytes(receipt_key))


def signing_in(folder: Path) -> Signing:
    """The same, read back."""
    report_key = load_der_private_key((folder / "report.key").read_bytes(), None)
    assert isinstance(report_key, ec.EllipticCurvePrivateKey)
    receipt_key = signing.load_public_key((folder / "receipt.pub").read_bytes())
    return Signing(host_id=HOST_ID, report_key=report_key, receipt_key=receipt_key)


def batch_at(at: int, utilisation_ppm: int) -> SampleBatch:
    """What the meter says at an instant."""
    seen = replace(SEEN, utilisation_ppm=utilisation_ppm)
    samples = tuple(Sample(device=device, seen=seen) for device in DEVICES)
    return SampleBatch(boottime_ms=at, meter=METER, samples=samples)


def live(folder: Path, path: str, start_ms: int) -> None:
    """Until the end of this process."""
    clock, said = clock_at(start_ms), Said()
    progress = Progress(folder / "progress")
    _, durable_ms = progress.read()
    agent = agent_on(folder, clock, signing_in(folder))
    wire = SocketWire(path)
    while True:
        for _ in range(SHIP_EVERY):
            clock.advance(SAMPLE_MS)
            at = clock.boottime
            progress.write(at, durable_ms)
            agent.metering.observe(batch_at(at, said.say(at)))
            if agent.recorder.due(at) and agent.record():
                durable_ms = at
                progress.write(at, durable_ms)
        try:
            agent.ship(wire)
        except (UnreachableError, OSError):
            return signal.pause()  # whoever answers has stopped: the end is near


def main(folder: Path, path: str) -> None:
    """Fork an agent a line, say its process id, and say when it is gone."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            live(folder, path, int(line))
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
