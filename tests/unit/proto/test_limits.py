"""Bounds that depend on each other."""

from kashi import limits
from kashi.v1 import metering_pb2


def test_largest_report_fits_a_message() -> None:
    """A report of the largest size still goes through in a call of its own."""
    request = metering_pb2.SubmitRequest(reports=[bytes(limits.REPORT_BYTES_MAX)])

    assert request.ByteSize() <= limits.MESSAGE_BYTES_MAX
