"""What a bundle shows of a report: the signed header and its signatures whole, chosen blocks only.

A block that is not the reader's business is withheld: its content and its salt are emptied, and
without the salt its digest tells nothing. Names of holders are always withheld. What a header says
in the open (running totals by slot) stays, for it is what the host signed.
"""

from collections.abc import Collection

from google.protobuf.message import DecodeError
from kashi.errors import FormError
from kashi.v1 import report_pb2


def revealed(wire: bytes, hardware_ids: Collection[str]) -> bytes:
    """A report with the blocks of these devices; every other one withheld.

    Raises:
        FormError: the bytes are no report.
    """
    try:
        report = report_pb2.Report.FromString(wire)
        for block in report.blocks:
            if not _is_of(block, hardware_ids):
                block.salt = b""
                block.content = b""
    except DecodeError as error:
        raise FormError("stored bytes are not a report") from error
    return report.SerializeToString()


def without_names(wire: bytes) -> bytes | None:
    """A report with its names of holders erased; None where it carries none.

    Content and salt go: without the salt nobody finds a name by trying. The header, its signature
    and the digests in it stay, so that everything the host signed is proved as before.

    Raises:
        FormError: the bytes are no report.
    """
    try:
        report = report_pb2.Report.FromString(wire)
    except DecodeError as error:
        raise FormError("stored bytes are not a report") from error
    named = [
        block
        for block in report.blocks
        if block.kind == report_pb2.BLOCK_KIND_HOLDER_NAMES and (block.content or block.salt)
    ]
    for block in named:
        block.salt = b""
        block.content = b""
    return report.SerializeToString() if named else None


def _is_of(block: report_pb2.Block, hardware_ids: Collection[str]) -> bool:
    if block.kind != report_pb2.BLOCK_KIND_DEVICE:
        return False
    device = report_pb2.DeviceBlock.FromString(block.content).device
    return device.hardware_id in hardware_ids
