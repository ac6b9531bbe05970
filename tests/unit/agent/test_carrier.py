"""The carrier: its certificate gives way to no other trouble of the host."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from kashi.chain import NO_HEAD
from kashi_agent.carrier import Carrier
from kashi_agent.errors import AgentError, RefusedError, UnreachableError
from kashi_agent.identity import Host, IdentityStore, TlsIdentity
from kashi_agent.shipping import Answer

NOW = datetime(2026, 10, 1, tzinfo=UTC)
HOST = Host(
    host_id="h",
    operator_party_id="p",
    enrolment_address="localhost:1",
    metering_address="localhost:2",
    enrolled_utc_ms=0,
    demo=False,
    server_root=b"",
    receipt_chain=(),
)


class FullStore(IdentityStore):
    """The identity of a host whose certificate is due for renewal, on a disk that takes nothing."""

    def host(self) -> Host:
        """A host."""
        return HOST

    def tls(self) -> TlsIdentity:
        """A certificate with half of its life behind it."""
        half = timedelta(hours=12)
        return TlsIdentity(key_pem=b"", chain_pem=b"", not_before=NOW - half, not_after=NOW + half)

    def next_tls_key(self) -> ec.EllipticCurvePrivateKey:
        """There is no room to keep one."""
        raise OSError(errno.ENOSPC, "No space left on device")


class TakingWire:
    """A server that takes whatever comes."""

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """All is well."""
        del reports
        return Answer(results=(), head=NO_HEAD)

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Nobody asks for one here."""
        raise AssertionError(csr)

    def close(self) -> None:
        """Nothing is open."""


def refuse(_store: IdentityStore) -> TlsIdentity:
    """Nobody recovers here."""
    raise RefusedError("no")


@pytest.fixture
def carrier(tmp_path: Path) -> Carrier[TakingWire]:
    """A carrier of the full host."""
    return Carrier(
        store=FullStore(tmp_path),
        connect=lambda _host, _tls: TakingWire(),
        recover=refuse,
        utc_ms=lambda: int(NOW.timestamp() * 1000),
        random=Random(1),
    )


def test_a_full_disk_keeps_no_report_back_for_a_renewal(carrier: Carrier[TakingWire]) -> None:
    """The next certificate cannot be kept; while the one there is holds, reports go out: their
    receipts are what gives a full disk room."""
    assert carrier.submit([b"report"]).head == NO_HEAD
    assert carrier.renewals == 0


DAY = timedelta(hours=24)


class RoomyStore(FullStore):
    """The same host on a disk that takes what comes; certificates begin now by the server."""

    def tls(self) -> TlsIdentity:
        """The newest."""
        return TlsIdentity(key_pem=b"", chain_pem=b"", not_before=NOW, not_after=NOW + DAY)

    def next_tls_key(self) -> ec.EllipticCurvePrivateKey:
        """A key."""
        return ec.generate_private_key(ec.SECP256R1())

    def save_tls(self, key: ec.EllipticCurvePrivateKey, chain: tuple[bytes, ...]) -> TlsIdentity:
        """Kept."""
        del key, chain
        return self.tls()


@dataclass
class Asking:
    """A server: it answers calls, or is not there; and what it was asked."""

    answers: bool = True
    recovered: int = 0

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """A call."""
        del reports
        if not self.answers:
            raise UnreachableError("nobody there")
        return Answer(results=(), head=NO_HEAD)

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Another certificate."""
        del csr
        if not self.answers:
            raise UnreachableError("nobody there")
        return (b"another",)

    def close(self) -> None:
        """Nothing is open."""

    def recover(self, store: IdentityStore) -> TlsIdentity:
        """Recover."""
        self.recovered += 1
        return store.tls()


def carrier_ahead(folder: Path, server: Asking, hours: list[int]) -> Carrier[Asking]:
    """A carrier whose clock is so many hours ahead of the certificates' beginning."""
    return Carrier(
        store=RoomyStore(folder),
        connect=lambda _host, _tls: server,
        recover=server.recover,
        utc_ms=lambda: int((NOW + timedelta(hours=hours[0])).timestamp() * 1000),
        random=Random(1),
        probe=lambda *_: "",
    )


def test_a_clock_that_is_a_day_ahead_asks_for_no_recovery(tmp_path: Path) -> None:
    """Its certificate serves until the server refuses it, and is renewed once, not every time."""
    server = Asking()
    carrier = carrier_ahead(tmp_path, server, [25])
    for _ in range(12):
        carrier.submit([b"report"])

    assert server.recovered == 0
    assert carrier.renewals == 1


def test_a_certificate_that_expired_behind_a_proxy_is_recovered(tmp_path: Path) -> None:
    """There no handshake can be looked at: a server that cannot be called, and a certificate whose
    time is over, are one reason to recover, once in a while."""
    server, hours = Asking(answers=False), [25]
    carrier = carrier_ahead(tmp_path, server, hours)
    for _ in range(5):
        with pytest.raises(UnreachableError):
            carrier.submit([b"report"])

    assert server.recovered == 1


def test_a_server_that_is_away_is_asked_for_no_recovery(tmp_path: Path) -> None:
    """Within the certificate's time there is nothing to recover."""
    server = Asking(answers=False)
    carrier = carrier_ahead(tmp_path, server, [2])
    for _ in range(5):
        with pytest.raises(UnreachableError):
            carrier.submit([b"report"])

    assert server.recovered == 0


def test_a_lost_certificate_is_asked_for_now_and_then(tmp_path: Path) -> None:
    """Not with every try while the server refuses to give another."""
    tries = []

    class Lost(FullStore):
        def tls(self) -> TlsIdentity:
            raise AgentError("damaged")

    def refusing(_store: IdentityStore) -> TlsIdentity:
        tries.append(1)
        raise RefusedError("recovered too often")

    carrier = Carrier(
        store=Lost(tmp_path),
        connect=lambda _host, _tls: Asking(),
        recover=refusing,
        utc_ms=lambda: int(NOW.timestamp() * 1000),
        random=Random(1),
    )
    for _ in range(5):
        with pytest.raises(AgentError):
            carrier.submit([b"report"])

    assert len(tries) == 1
