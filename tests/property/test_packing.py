"""What is packed comes back byte for byte, whatever it is."""

from fixtures_ingest import ReportingHost
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi import signing
from kashi.v1 import report_pb2
from kashi_server.storage.report_packing import pack_report, unpack_report

BLANK = b"\x12\x20" + bytes(32)
HASH_BLANK = b"\x22\x20" + bytes(32)
HOST = "11111111-0000-4000-8000-000000000001"

pieces = st.lists(
    st.one_of(
        st.binary(max_size=80),
        st.sampled_from([BLANK, HASH_BLANK, bytes(32), b"\x12\x20", b"\x22\x20"]),
    ),
    max_size=8,
).map(b"".join)


def digests_of(wire: bytes) -> list[bytes]:
    """The digests a header lists."""
    header = report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)
    return [digest.sha256 for digest in header.blocks]


@given(wire=pieces, receipt=pieces, sha256=st.binary(min_size=32, max_size=32))
def test_any_bytes_come_back(wire: bytes, receipt: bytes, sha256: bytes) -> None:
    """Bytes that look like what packing leaves behind are told apart from it."""
    assert unpack_report(pack_report(wire, receipt)) == (wire, receipt)
    marked = receipt + b"\x22\x20" + sha256
    packed = pack_report(wire, marked, sha256=sha256)
    assert unpack_report(packed, sha256) == (wire, marked)


@settings(max_examples=30, deadline=None)
@given(minutes=st.integers(1, 70), devices=st.integers(1, 5), model=pieces)
def test_reports_come_back(minutes: int, devices: int, model: bytes) -> None:
    """A report comes back exactly, by itself and against another, whatever its texts hold."""
    host = ReportingHost(HOST, [f"GPU-{slot}" for slot in range(devices)])
    text = model.decode("latin-1")[:256]

    def change(_header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
        blocks[0].device.model = text

    base, wire = host.report(minutes), host.report(minutes, change=change)
    receipt = b"\x0a\x05\x22\x20" + host.previous

    for against in (None, base):
        packed = pack_report(
            wire, receipt, sha256=host.previous, digests=digests_of(wire), base=against
        )
        unpacked = unpack_report(packed, host.previous, lambda: base)
        assert unpacked == (wire, receipt)


def test_words_of_the_base_are_not_stored_again() -> None:
    """Against another of its host a report is shorter by the names it repeats."""
    host = ReportingHost(HOST, [f"GPU-{slot:036d}" for slot in range(8)])
    base, wire = host.report(5), host.report(5)

    alone = pack_report(wire, b"", digests=digests_of(wire))
    against = pack_report(wire, b"", digests=digests_of(wire), base=base)

    assert len(against) < len(alone) - 300
    assert signing.report_sha256(report_pb2.Report.FromString(wire).header) == host.previous
