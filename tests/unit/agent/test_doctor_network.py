"""The doctor on the way to the server, where it leads through a relay or a proxy."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from kashi_agent.config import AgentConfig
from kashi_agent.doctor.examination import Patient, examine
from kashi_agent.doctor.finding import Finding, Level
from kashi_agent.errors import UnreachableError
from kashi_agent.identity import Host, IdentityStore
from kashi_agent.meter_probe import FirstLook
from kashi_agent.tls_probe import TlsTrouble, TlsTroubleKind

from deploy.demo.manual_clock import ManualClock

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PLACE = "10.0.0.9:7443"


def root_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A root certificate in DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def found(
    folder: Path, trouble: TlsTrouble | None = None, **way: str
) -> tuple[dict[str, Finding], list[tuple[str, bool]]]:
    """Findings by code where every call is lost, and with whom hands were shaken under which root:
    `way` are the settings that say where reports go."""
    store = IdentityStore(folder / "identity")
    store.report_key()
    store.holder_salt()
    key = store.next_tls_key()
    root = root_of(key)
    store.save_tls(key, (root,))
    store.save_host(
        Host(
            host_id="host",
            operator_party_id="party",
            enrolment_address="kashi.example:7444",
            metering_address="kashi.example:7443",
            enrolled_utc_ms=0,
            demo=False,
            server_root=root_of(ec.generate_private_key(ec.SECP256R1())),
            receipt_chain=(root,),
        )
    )
    shaken = []

    def probe(address: str, under: bytes, _shown: Path | None) -> TlsTrouble | None:
        shaken.append((address, under))
        return trouble

    def ask(_host: Host, _store: IdentityStore) -> object:
        raise UnreachableError("Socket closed")

    patient = Patient(
        config=AgentConfig(state_folder=folder, **way),  # type: ignore[arg-type]  # texts
        clock=ManualClock(utc=int(NOW.timestamp()) * 1000),
        probe=probe,
        ask=ask,
        look=lambda: FirstLook(said="driver: not looked at"),
    )
    return {one.code: one for one in examine(patient)}, [
        (at, under == root) for at, under in shaken
    ]


def test_a_server_that_no_proxy_reaches_is_a_failure(tmp_path: Path) -> None:
    """Nothing is delivered: not a warning, and nobody shakes hands past the proxy."""
    codes, shaken = found(tmp_path, proxy=PLACE)

    assert codes["unreachable"].level is Level.FAILURE
    assert PLACE in codes["unreachable"].en
    assert "Socket closed" in codes["unreachable"].en
    assert shaken == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [(TlsTroubleKind.FOREIGN, "intercepted"), (TlsTroubleKind.NOBODY, "nobody_listens")],
)
def test_what_stands_between_a_host_and_its_relay_is_told(
    tmp_path: Path, kind: TlsTroubleKind, code: str
) -> None:
    """Hands are shaken with the relay, under the hosts' root, and with nobody else."""
    trouble = TlsTrouble(kind=kind, address=PLACE, detail="Corp CA")
    codes, shaken = found(tmp_path, trouble, relay=PLACE)

    assert codes[code].level is Level.FAILURE
    assert PLACE in codes[code].en
    assert shaken == [(PLACE, True)]
