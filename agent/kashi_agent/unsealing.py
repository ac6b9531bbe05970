"""A sealed report read back into the stretch it was sealed from, to be sealed anew.

Only a host whose chain broke needs it: its own report is refused, or stands behind a lost one. The
endings of devices, which never leave the host, are not in a report and come back unknown.
"""

from google.protobuf.message import DecodeError
from kashi import signing
from kashi.chain import check_blocks, parse_report
from kashi.errors import ContractError, FormError

from kashi_agent.contract import stretch_of
from kashi_agent.stretch import Stretch


def unseal(wire: bytes) -> Stretch:
    """The stretch of a report of this host.

    Raises:
        kashi.errors.FormError: the bytes are no report.
        ValueError: it says what cannot be.
    """
    message, header = parse_report(wire)
    try:
        return stretch_of(header, message.blocks)
    except DecodeError as error:
        raise FormError(
            "报告的区块与其所称不符。A block of the report is not what it says it is"
        ) from error


def unaltered(wire: bytes, sha256: bytes) -> bool:
    """Whether header and blocks are those of the report with this hash.

    The signature is not looked at: where it alone is damaged, what the report says still holds.
    """
    try:
        message, header = parse_report(wire)
        check_blocks(message, header)
    except ContractError:
        return False
    return signing.report_sha256(message.header) == sha256
