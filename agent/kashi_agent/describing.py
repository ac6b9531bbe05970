"""A report as a person may read it: every field that is sent, in plain values, nothing else."""

from typing import Any

from google.protobuf.message import Message
from kashi.chain import parse_report
from kashi.signing import report_sha256
from kashi.v1 import report_pb2

_CONTENT: dict[int, type[report_pb2.DeviceBlock | report_pb2.HolderNameBlock]] = {
    report_pb2.BLOCK_KIND_DEVICE: report_pb2.DeviceBlock,
    report_pb2.BLOCK_KIND_HOLDER_NAMES: report_pb2.HolderNameBlock,
}


def describe_report(wire: bytes) -> dict[str, Any]:
    """Exactly what would be sent: hash, header, signatures and blocks, ready for JSON.

    Enums stand by name, bytes in hexadecimal, absent optional fields as null. Nothing is verified.

    Raises:
        kashi.errors.FormError: the bytes are no report.
    """
    message, header = parse_report(wire)
    return {
        "sha256": report_sha256(message.header).hex(),
        "bytes": len(wire),
        "header": _plain(header),
        "signatures": [_plain(signature) for signature in message.signatures],
        "blocks": [_block(block) for block in message.blocks],
    }


def _block(block: report_pb2.Block) -> dict[str, Any]:
    described = _plain(block)
    kind = _CONTENT.get(block.kind)
    if kind is not None:
        described["content"] = _plain(kind.FromString(block.content)) if block.content else None
    return described


def _plain(message: Message) -> dict[str, Any]:
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_value(field, one) for one in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:
    if isinstance(value, Message):
        return _plain(value)
    if isinstance(value, bytes):
        return value.hex()
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    return value
