"""The bytes of a stretch on this host, until it is sealed: those of the report it may become, and
beside them how its devices ended, which is never sent.

One value has one encoding, and `decode_stretch` refuses bytes that are not exactly it, so a damaged
or foreign frame cannot pass for a measurement.
"""

import json
import operator
import zlib
from dataclasses import replace
from typing import Final

from google.protobuf.message import DecodeError as MessageError
from kashi.v1 import report_pb2

from kashi_agent.contract import contents_of, header_of, stretch_of
from kashi_agent.reading import Ending
from kashi_agent.stretch import Stretch

STRETCH_BYTES_MAX: Final = 64 << 20
"""A stretch unpacked: a frame that claims more is no stretch of ours."""

FORMAT: Final = "kashi/v1/stretch"


class DecodeError(ValueError):
    """The bytes are not an encoded value."""


def encode_stretch(stretch: Stretch) -> bytes:
    """The packed bytes of a stretch."""
    return zlib.compress(_content(stretch), 1)


def decode_stretch(payload: bytes) -> Stretch:
    """The stretch whose bytes these are.

    Raises:
        DecodeError: they are none.
    """
    try:
        content = _unpacked(payload)
        head, _, wire = content.partition(b"\n")
        format_name, *endings = json.loads(head)
        report = report_pb2.Report.FromString(wire)
        header = report_pb2.ReportHeader.FromString(report.header)
        stretch = _ended(stretch_of(header, report.blocks), endings)
        canonical = format_name == FORMAT and _content(stretch) == content
    except DecodeError:
        raise
    except (ValueError, TypeError, RecursionError, MessageError, zlib.error) as error:
        raise DecodeError(f"the bytes are not a stretch: {error}") from error
    if not canonical:
        raise DecodeError(f"the bytes are not a {FORMAT} in its canonical form")
    return stretch


def _content(stretch: Stretch) -> bytes:
    """A line with the endings, in the order of the devices; then a report that nobody signed."""
    endings = (minutes.ending for minutes in stretch.devices)
    head = [
        FORMAT,
        *([ending.energy_counter_mj, _keys(ending), ending.driver_epoch] for ending in endings),
    ]
    contents = (content for minutes in stretch.devices for content in contents_of(minutes, 0))
    report = report_pb2.Report(
        header=header_of(stretch).SerializeToString(deterministic=True),
        blocks=[
            report_pb2.Block(kind=kind, content=content.SerializeToString(deterministic=True))
            for kind, content in contents
        ],
    )
    line = json.dumps(head, separators=(",", ":")).encode()
    return line + b"\n" + report.SerializeToString(deterministic=True)


def _keys(ending: Ending) -> list[str] | None:
    keys = ending.holder_keys
    return None if keys is None else sorted(key.hex() for key in keys)


def _ended(stretch: Stretch, endings: list[tuple[int | None, list[str] | None, int]]) -> Stretch:
    """The stretch with its devices' endings."""
    devices = (
        replace(
            minutes,
            ending=Ending(
                energy_counter_mj=None if counter is None else int(operator.index(counter)),
                holder_keys=None if keys is None else frozenset(map(bytes.fromhex, keys)),
                driver_epoch=int(operator.index(epoch)),
            ),
        )
        for minutes, (counter, keys, epoch) in zip(stretch.devices, endings, strict=True)
    )
    return replace(stretch, devices=tuple(devices))


def _unpacked(payload: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(payload, STRETCH_BYTES_MAX)
    if not unpacking.eof:
        raise DecodeError("the packed bytes do not end where they should")
    return content
