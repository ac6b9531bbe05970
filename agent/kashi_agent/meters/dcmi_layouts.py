"""Structures of DCMI as a 64-bit Linux lays them out.

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


class ChipInfo(Structure):
    """What a chip is; older drivers know everything but the last field."""

    _fields_ = (
        ("kind", c_char * 32),
        ("name", c_char * 32),
        ("version", c_char * 32),
        ("aicores", c_uint),
        ("npu_name", c_char * 32),
    )


class PcieInfo(Structure):
    """Where a chip sits on the bus."""

    _fields_ = (
        ("vendor", c_uint),
        ("subvendor", c_uint),
        ("device", c_uint),
        ("subdevice", c_uint),
        ("domain", c_int),
        ("bdf_bus", c_uint),
        ("bdf_device", c_uint),
        ("bdf_function", c_uint),
        ("reserved", c_ubyte * 32),
    )


class Die(Structure):
    """A die's id."""

    _fields_ = (("words", c_uint * 5),)


class BoardInfo(Structure):
    """Which board a chip is on."""

    _fields_ = (("board", c_uint), ("pcb", c_uint), ("bom", c_uint), ("slot", c_uint))


class Label(Structure):
    """The card's electronic label."""

    _fields_ = (
        ("product", c_char * 256),
        ("model", c_char * 256),
        ("manufacturer", c_char * 256),
        ("date", c_char * 256),
        ("serial", c_char * 256),
    )


class HbmInfo(Structure):
    """Memory on the chip, in MB."""

    _fields_ = (
        ("size_mb", c_ulonglong),
        ("frequency", c_uint),
        ("used_mb", c_ulonglong),
        ("temperature", c_int),
        ("bandwidth", c_uint),
    )


class MemoryInfo(Structure):
    """Memory beside the chip, in MB; 112 bytes, whatever the header remarks."""

    _fields_ = (
        ("size_mb", c_ulonglong),
        ("available_mb", c_ulonglong),
        ("frequency", c_uint),
        ("huge_kb", c_ulong),
        ("huge_total", c_ulong),
        ("huge_free", c_ulong),
        ("utilisation", c_uint),
        ("reserved", c_ubyte * 60),
    )


class MultiUtilisation(Structure):
    """Several utilisations of a chip, in percent."""

    _fields_ = (
        ("aic", c_uint),
        ("aiv", c_uint),
        ("aicore", c_uint),
        ("npu", c_uint),
        ("reserved", c_uint * 8),
    )


class Process(Structure):
    """A process in the driver's list, by its pid on the host."""

    _fields_ = (("pid", c_int), ("bytes", c_ulong))


class BaseResource(Structure):
    """Of a partition: nothing the meter reads."""

    _fields_ = (
        ("token", c_ulonglong),
        ("token_max", c_ulonglong),
        ("timeout", c_ulonglong),
        ("group", c_uint),
        ("vip", c_ubyte),
        ("reserved", c_ubyte * 31),
    )


class ComputingResource(Structure):
    """What a chip has or a partition got; `aic` counts cores and may be broken."""

    _fields_ = (
        ("aic", c_float),
        ("aiv", c_float),
        ("units", c_ushort * 8),
        ("memory_mb", c_ulonglong),
        ("ids", c_uint * 4),
        ("processors", c_ushort * 5),
        ("utilisation", c_uint),
        ("memory_total", c_ulonglong),
        ("memory_free", c_ulonglong),
        ("reserved", c_ubyte * 12),
    )


class MediaResource(Structure):
    """Of a partition: nothing the meter reads."""

    _fields_ = (("units", c_float * 6), ("reserved", c_ubyte * 32))


class VdevInfo(Structure):
    """What a partition is."""

    _fields_ = (
        ("name", c_char * 16),
        ("status", c_uint),
        ("in_container", c_uint),
        ("vfid", c_uint),
        ("group", c_uint),
        ("container", c_ulonglong),
        ("base", BaseResource),
        ("computing", ComputingResource),
        ("media", MediaResource),
    )


class VdevQuery(Structure):
    """Which partition is asked for, and the answer."""

    _fields_ = (("id", c_uint), ("info", VdevInfo))


class SocTotal(Structure):
    """The partitions of a chip, and what there is to split."""

    _fields_ = (
        ("count", c_uint),
        ("ids", c_uint * 32),
        ("group_count", c_uint),
        ("group_bitmap", c_uint),
        ("base", BaseResource),
        ("computing", ComputingResource),
        ("media", MediaResource),
    )
