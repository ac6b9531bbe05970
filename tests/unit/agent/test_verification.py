"""What `kashi-agent verify` finds: each thing that can be wrong with a spool, and nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from driven_host import HOST_ID, Driven, driven
from kashi import signing
from kashi.v1 import metering_pb2, report_pb2
from kashi_agent.errors import SpoolError
from kashi_agent.reading import Counters
from kashi_agent.sealing import Sealer
from kashi_agent.spool import SealedReport
from kashi_agent.unsealing import unseal
from kashi_agent.verification import Audit, audit_spool

INTERVAL_S = 300


@pytest.fixture
def host() -> Driven:
    """A host with three reports, of which all are receipted."""
    made = driven()
    made.live(3 * INTERVAL_S + 10)
    made.ship()
    return made


def audited(host: Driven) -> Audit:
    """What the audit says of the host's spool."""
    keys = host.report_key.public_key(), host.server.receipt_key
    return audit_spool(host.agent.spool, HOST_ID, *keys)


def kept(host: Driven) -> list[SealedReport]:
    """All sealed reports, oldest first."""
    sealed = host.agent.spool.sealed
    return [sealed.read(entry) for entry in sealed.entries()]


def sealed_anew(
    host: Driven,
    last: SealedReport,
    change: Callable[[report_pb2.ReportHeader], object] = lambda _header: None,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> None:
    """Keep one more report: the content of the last one again, as the next of the chain, its header
    changed, signed like any other."""
    before = replace(host.agent.reporter._link, sha256=last.sha256)
    sealer = Sealer(
        key=key or host.report_key, agent_version="test", random_bytes=host.random.randbytes
    )
    (made,) = sealer.seal([unseal(last.wire)], before, 0)
    report = report_pb2.Report.FromString(made.wire)
    header = report_pb2.ReportHeader.FromString(report.header)
    change(header)
    report.header = header.SerializeToString(deterministic=True)
    del report.signatures[:]
    report.signatures.append(signing.sign(sealer.key, signing.REPORT, report.header))
    host.agent.spool.keep(
        replace(
            last,
            sequence=last.sequence + 1,
            follows=last.position,
            sha256=signing.report_sha256(report.header),
            wire=report.SerializeToString(deterministic=True),
        )
    )


def test_a_sound_spool_has_no_finding(host: Driven) -> None:
    """Reports and receipts are counted, and everything holds."""
    audit = audited(host)

    assert audit.findings == []
    assert audit.reports == audit.receipts == len(kept(host)) >= 3


def test_time_that_is_told_twice_is_found(host: Driven) -> None:
    """A report that is signed, follows and adds up, and tells minutes that another has told."""
    last = kept(host)[-1]
    sealed_anew(host, last)

    findings = audited(host).findings

    devices = unseal(last.wire).devices
    assert len(findings) == len(devices)
    for finding, minutes in zip(findings, devices, strict=True):
        span = f"[{minutes.start_boottime_ms}, {minutes.end_boottime_ms}) ms"
        name = minutes.device.hardware_id
        assert finding.startswith("报告 (")
        assert f"再次报告了 {name} 的 {span}。report (" in finding
        assert finding.endswith(f"tells {span} of {name} a second time")


def test_counters_that_do_not_add_up_are_found(host: Driven) -> None:
    """More than the blocks say, of a slot that no block has, and of one that is left out."""

    def more(header: report_pb2.ReportHeader) -> None:
        header.counters[0].observed_ms += 1
        header.counters.add(slot=77, observed_ms=5)
        del header.counters[1]

    sealed_anew(host, kept(host)[-1], more)
    findings = [one for one in audited(host).findings if "counters" in one]

    assert len(findings) == 3
    assert "slot 1 say" in findings[0]
    assert "slot 2 say None; its blocks add up to" in findings[1]
    assert (
        f"slot 77 say {replace(Counters(), observed_ms=5)}; its blocks add up to None"
        in (findings[2])
    )


def test_a_report_that_does_not_follow_is_found(host: Driven) -> None:
    """Its number is the next, and the hash before it another report's."""

    def elsewhere(header: report_pb2.ReportHeader) -> None:
        header.previous_sha256 = bytes(32)

    sealed_anew(host, kept(host)[-1], elsewhere)

    assert any("does not follow 1/" in one for one in audited(host).findings)


def test_a_report_of_another_key_is_found(host: Driven) -> None:
    """Nobody can slip a report into the spool."""
    sealed_anew(host, kept(host)[-1], key=ec.generate_private_key(ec.SECP256R1()))

    (finding,) = audited(host).findings
    assert "signature" in finding


def test_a_report_whose_block_was_changed_is_found(host: Driven) -> None:
    """The digest in the signed header is another's."""
    last = kept(host)[-1]
    report = report_pb2.Report.FromString(last.wire)
    report.blocks[0].salt = bytes(byte ^ 1 for byte in report.blocks[0].salt)
    wire = report.SerializeToString(deterministic=True)
    noted = replace(last, sequence=last.sequence + 1, sha256=bytes(32), wire=wire)
    host.agent.spool.keep(noted)

    (finding,) = audited(host).findings
    assert "does not match its digest" in finding


def test_a_report_that_says_what_cannot_be_is_found(host: Driven) -> None:
    """Signed, and no stretch of time: one finding, not the end of the audit."""

    def backwards(header: report_pb2.ReportHeader) -> None:
        header.boot_id = b"short"

    sealed_anew(host, kept(host)[-1], backwards)

    audit = audited(host)
    assert any("boot id" in finding for finding in audit.findings)
    assert audit.receipts >= 3


def test_a_report_that_cannot_be_read_is_found(
    host: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk gives it back no more; the others are checked."""
    sealed = host.agent.spool.sealed
    lost, read = sealed.entries()[1], sealed.read

    def failing(entry: object) -> SealedReport:
        if entry is lost:
            raise SpoolError("无法读取。it cannot be read")
        return read(entry)  # type: ignore[arg-type]  # an entry

    monkeypatch.setattr(sealed, "read", failing)

    (finding,) = audited(host).findings
    told = f"报告 {lost.position}：无法读取。report {lost.position}: it cannot be read"
    assert finding == told


def test_a_receipt_that_is_not_the_servers_is_found(host: Driven) -> None:
    """Nobody but the server says what it holds."""
    position = kept(host)[-1].position
    forged = metering_pb2.Receipt(payload=b"", signature=report_pb2.Signature())
    host.agent.spool.sealed.acknowledge([(position, forged.SerializeToString(), 1)], bytes(32))

    (finding,) = audited(host).findings
    zh, en = finding.split("。")
    assert zh.startswith(f"回执 {position}：")
    assert en.startswith(f"receipt {position}: ")


def test_a_receipt_for_another_report_is_found(host: Driven) -> None:
    """The server's own word, put beside a report that it was not given for."""
    sealed = host.agent.spool.sealed
    (_, of_the_first), *_ = sealed.receipts()
    position = kept(host)[-1].position
    sealed.acknowledge([(position, of_the_first, 1)], bytes(32))

    (finding,) = audited(host).findings
    told = "对应的是另一份报告。receipt {place}: it is for another report than the kept one"
    assert finding == f"回执 {position}：{told.format(place=position)}"
