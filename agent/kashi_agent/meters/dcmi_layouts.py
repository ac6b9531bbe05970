"""Structures of DCMI as a 64-bit Linux lays them out, declared as the vendor's header does: a type,
and the names that are of it.

The vendor ships a header and no binding. Sizes and offsets of each structure here are held by a
test against the same structures compiled in C.
"""

from ctypes import (
    Structure,
    c_char,
    c_float,
    c_int,
    c_ubyte,
    c_uint,
    c_ulong,
    c_ulonglong,
    c_ushort,
)
from typing import Any


def _of(*declarations: tuple[Any, str]) -> tuple[tuple[str, Any], ...]:
    """Fields in their order, from types and the names that are of each."""
    return tuple((name, kind) for kind, names in declarations for name in names.split())


class ChipInfo(Structure):
    """What a chip is; older drivers know everything but the last field."""

    _fields_ = _of(
        (c_char * 32, "kind name version"), (c_uint, "aicores"), (c_char * 32, "npu_name")
    )


class PcieInfo(Structure):
    """Where a chip sits on the bus."""

    _fields_ = _of(
        (c_uint, "vendor subvendor device subdevice"),
        (c_int, "domain"),
        (c_uint, "bdf_bus bdf_device bdf_function"),
        (c_ubyte * 32, "reserved"),
    )


class Die(Structure):
    """A die's id."""

    _fields_ = _of((c_uint * 5, "words"))


class BoardInfo(Structure):
    """Which board a chip is on."""

    _fields_ = _of((c_uint, "board pcb bom slot"))


class Label(Structure):
    """The card's electronic label."""

    _fields_ = _of((c_char * 256, "product model manufacturer date serial"))


class HbmInfo(Structure):
    """Memory on the chip, in MB."""

    _fields_ = _of(
        (c_ulonglong, "size_mb"),
        (c_uint, "frequency"),
        (c_ulonglong, "used_mb"),
        (c_int, "temperature"),
        (c_uint, "bandwidth"),
    )


class MemoryInfo(Structure):
    """Memory beside the chip, in MB; 112 bytes, whatever the header remarks."""

    _fields_ = _of(
        (c_ulonglong, "size_mb available_mb"),
        (c_uint, "frequency"),
        (c_ulong, "huge_kb huge_total huge_free"),
        (c_uint, "utilisation"),
        (c_ubyte * 60, "reserved"),
    )


class MultiUtilisation(Structure):
    """Several utilisations of a chip, in percent."""

    _fields_ = _of((c_uint, "aic aiv aicore npu"), (c_uint * 8, "reserved"))


class Process(Structure):
    """A process in the driver's list, by its pid on the host."""

    _fields_ = _of((c_int, "pid"), (c_ulong, "bytes"))


class BaseResource(Structure):
    """Of a partition: nothing the meter reads."""

    _fields_ = _of(
        (c_ulonglong, "token token_max timeout"),
        (c_uint, "group"),
        (c_ubyte, "vip"),
        (c_ubyte * 31, "reserved"),
    )


class ComputingResource(Structure):
    """What a chip has or a partition got; `aic` counts cores and may be broken."""

    _fields_ = _of(
        (c_float, "aic aiv"),
        (c_ushort * 8, "units"),
        (c_ulonglong, "memory_mb"),
        (c_uint * 4, "ids"),
        (c_ushort * 5, "processors"),
        (c_uint, "utilisation"),
        (c_ulonglong, "memory_total memory_free"),
        (c_ubyte * 12, "reserved"),
    )


class MediaResource(Structure):
    """Of a partition: nothing the meter reads."""

    _fields_ = _of((c_float * 6, "units"), (c_ubyte * 32, "reserved"))


class VdevInfo(Structure):
    """What a partition is."""

    _fields_ = _of(
        (c_char * 16, "name"),
        (c_uint, "status in_container vfid group"),
        (c_ulonglong, "container"),
        (BaseResource, "base"),
        (ComputingResource, "computing"),
        (MediaResource, "media"),
    )


class VdevQuery(Structure):
    """Which partition is asked for, and the answer."""

    _fields_ = _of((c_uint, "id"), (VdevInfo, "info"))


class SocTotal(Structure):
    """The partitions of a chip, and what there is to split."""

    _fields_ = _of(
        (c_uint, "count"),
        (c_uint * 32, "ids"),
        (c_uint, "group_count group_bitmap"),
        (BaseResource, "base"),
        (ComputingResource, "computing"),
        (MediaResource, "media"),
    )
