"""Reading sealed reports back: what may be sealed anew, and what must not."""

from driven_host import driven
from kashi import signing
from kashi.v1 import report_pb2
from kashi_agent.unsealing import unaltered


def test_only_what_was_sealed_may_be_sealed_anew() -> None:
    """A bit turned over anywhere in header or block is found; in the signature it harms nothing."""
    host = driven()
    host.live(310)
    host.ship()
    sealed = host.agent.spool.sealed
    report = sealed.read(sealed.entries()[-1])
    message = report_pb2.Report.FromString(report.wire)
    assert report.sha256 == signing.report_sha256(message.header)
    assert unaltered(report.wire, report.sha256)
    signature = message.signatures[0].value
    harmless = range(report.wire.index(signature), report.wire.index(signature) + len(signature))
    parts = (message.header, *(block.content for block in message.blocks))
    altered = [
        at
        for part in parts
        for at in range(report.wire.index(part), report.wire.index(part) + len(part), 7)
    ]

    assert all(unaltered(_flipped(report.wire, at), report.sha256) for at in harmless)
    assert not any(unaltered(_flipped(report.wire, at), report.sha256) for at in altered)
    assert not unaltered(report.wire[:-1], report.sha256)


def _flipped(wire: bytes, at: int) -> bytes:
    return wire[:at] + bytes([wire[at] ^ 1]) + wire[at + 1 :]
