"""The carrier: its certificate gives way to no other trouble of the host."""

import errno
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from kashi.chain import NO_HEAD
from kashi_agent.carrier import Carrier
from kashi_agent.errors import RefusedError
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
