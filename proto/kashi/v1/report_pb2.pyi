from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignatureAlgorithm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNATURE_ALGORITHM_UNSPECIFIED: _ClassVar[SignatureAlgorithm]
    SIGNATURE_ALGORITHM_P256_SHA256: _ClassVar[SignatureAlgorithm]
    SIGNATURE_ALGORITHM_SM2_SM3: _ClassVar[SignatureAlgorithm]

class BlockKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BLOCK_KIND_UNSPECIFIED: _ClassVar[BlockKind]
    BLOCK_KIND_DEVICE: _ClassVar[BlockKind]
    BLOCK_KIND_HOLDER_NAMES: _ClassVar[BlockKind]

class ClockSync(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOCK_SYNC_UNSPECIFIED: _ClassVar[ClockSync]
    CLOCK_SYNC_UNKNOWN: _ClassVar[ClockSync]
    CLOCK_SYNC_SYNCHRONISED: _ClassVar[ClockSync]
    CLOCK_SYNC_UNSYNCHRONISED: _ClassVar[ClockSync]

class MeterKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METER_KIND_UNSPECIFIED: _ClassVar[MeterKind]
    METER_KIND_NVML: _ClassVar[MeterKind]
    METER_KIND_ASCEND: _ClassVar[MeterKind]
    METER_KIND_REPLAY: _ClassVar[MeterKind]

class EpochReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EPOCH_REASON_UNSPECIFIED: _ClassVar[EpochReason]
    EPOCH_REASON_SPOOL_LOST: _ClassVar[EpochReason]
    EPOCH_REASON_SPOOL_CORRUPT: _ClassVar[EpochReason]
    EPOCH_REASON_ROLLED_BACK: _ClassVar[EpochReason]
    EPOCH_REASON_REPORT_REJECTED: _ClassVar[EpochReason]

class HostEventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOST_EVENT_KIND_UNSPECIFIED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_AGENT_STARTED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_AGENT_STOPPED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_BOOTED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_CLOCK_STEPPED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_REANCHORED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_SUSPENDED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_METER_STARTED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_METER_CRASHED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_METER_HUNG: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_METER_RELEASED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_SPOOL_REPAIRED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_DISK_FULL: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_CONFIGURED: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_DRIVER: _ClassVar[HostEventKind]
    HOST_EVENT_KIND_FACT: _ClassVar[HostEventKind]

class Vendor(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VENDOR_UNSPECIFIED: _ClassVar[Vendor]
    VENDOR_NVIDIA: _ClassVar[Vendor]
    VENDOR_HUAWEI: _ClassVar[Vendor]

class HolderKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOLDER_KIND_UNSPECIFIED: _ClassVar[HolderKind]
    HOLDER_KIND_PROCESS: _ClassVar[HolderKind]
    HOLDER_KIND_USER: _ClassVar[HolderKind]
    HOLDER_KIND_UNIT: _ClassVar[HolderKind]
    HOLDER_KIND_CONTAINER: _ClassVar[HolderKind]
    HOLDER_KIND_POD: _ClassVar[HolderKind]
    HOLDER_KIND_SLURM_JOB: _ClassVar[HolderKind]
    HOLDER_KIND_GRANT: _ClassVar[HolderKind]

class GapReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GAP_REASON_UNSPECIFIED: _ClassVar[GapReason]
    GAP_REASON_AGENT_DOWN: _ClassVar[GapReason]
    GAP_REASON_METER_DOWN: _ClassVar[GapReason]
    GAP_REASON_METER_HUNG: _ClassVar[GapReason]
    GAP_REASON_RELEASED: _ClassVar[GapReason]
    GAP_REASON_SAMPLES_MISSING: _ClassVar[GapReason]
    GAP_REASON_DEVICE_LOST: _ClassVar[GapReason]
    GAP_REASON_NO_PERMISSION: _ClassVar[GapReason]
    GAP_REASON_SUSPENDED: _ClassVar[GapReason]
    GAP_REASON_SPOOL_LOST: _ClassVar[GapReason]
    GAP_REASON_TRACE_HOLE: _ClassVar[GapReason]
    GAP_REASON_SILENT: _ClassVar[GapReason]
    GAP_REASON_BETWEEN_BOOTS: _ClassVar[GapReason]

class DeviceEventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEVICE_EVENT_KIND_UNSPECIFIED: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_APPEARED: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_VANISHED: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_XID: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_ENERGY_RESET: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_VALUE_DROPPED: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_PARTITIONED: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_FACT: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_HEALTH: _ClassVar[DeviceEventKind]
    DEVICE_EVENT_KIND_FAULT: _ClassVar[DeviceEventKind]
SIGNATURE_ALGORITHM_UNSPECIFIED: SignatureAlgorithm
SIGNATURE_ALGORITHM_P256_SHA256: SignatureAlgorithm
SIGNATURE_ALGORITHM_SM2_SM3: SignatureAlgorithm
BLOCK_KIND_UNSPECIFIED: BlockKind
BLOCK_KIND_DEVICE: BlockKind
BLOCK_KIND_HOLDER_NAMES: BlockKind
CLOCK_SYNC_UNSPECIFIED: ClockSync
CLOCK_SYNC_UNKNOWN: ClockSync
CLOCK_SYNC_SYNCHRONISED: ClockSync
CLOCK_SYNC_UNSYNCHRONISED: ClockSync
METER_KIND_UNSPECIFIED: MeterKind
METER_KIND_NVML: MeterKind
METER_KIND_ASCEND: MeterKind
METER_KIND_REPLAY: MeterKind
EPOCH_REASON_UNSPECIFIED: EpochReason
EPOCH_REASON_SPOOL_LOST: EpochReason
EPOCH_REASON_SPOOL_CORRUPT: EpochReason
EPOCH_REASON_ROLLED_BACK: EpochReason
EPOCH_REASON_REPORT_REJECTED: EpochReason
HOST_EVENT_KIND_UNSPECIFIED: HostEventKind
HOST_EVENT_KIND_AGENT_STARTED: HostEventKind
HOST_EVENT_KIND_AGENT_STOPPED: HostEventKind
HOST_EVENT_KIND_BOOTED: HostEventKind
HOST_EVENT_KIND_CLOCK_STEPPED: HostEventKind
HOST_EVENT_KIND_REANCHORED: HostEventKind
HOST_EVENT_KIND_SUSPENDED: HostEventKind
HOST_EVENT_KIND_METER_STARTED: HostEventKind
HOST_EVENT_KIND_METER_CRASHED: HostEventKind
HOST_EVENT_KIND_METER_HUNG: HostEventKind
HOST_EVENT_KIND_METER_RELEASED: HostEventKind
HOST_EVENT_KIND_SPOOL_REPAIRED: HostEventKind
HOST_EVENT_KIND_DISK_FULL: HostEventKind
HOST_EVENT_KIND_CONFIGURED: HostEventKind
HOST_EVENT_KIND_DRIVER: HostEventKind
HOST_EVENT_KIND_FACT: HostEventKind
VENDOR_UNSPECIFIED: Vendor
VENDOR_NVIDIA: Vendor
VENDOR_HUAWEI: Vendor
HOLDER_KIND_UNSPECIFIED: HolderKind
HOLDER_KIND_PROCESS: HolderKind
HOLDER_KIND_USER: HolderKind
HOLDER_KIND_UNIT: HolderKind
HOLDER_KIND_CONTAINER: HolderKind
HOLDER_KIND_POD: HolderKind
HOLDER_KIND_SLURM_JOB: HolderKind
HOLDER_KIND_GRANT: HolderKind
GAP_REASON_UNSPECIFIED: GapReason
GAP_REASON_AGENT_DOWN: GapReason
GAP_REASON_METER_DOWN: GapReason
GAP_REASON_METER_HUNG: GapReason
GAP_REASON_RELEASED: GapReason
GAP_REASON_SAMPLES_MISSING: GapReason
GAP_REASON_DEVICE_LOST: GapReason
GAP_REASON_NO_PERMISSION: GapReason
GAP_REASON_SUSPENDED: GapReason
GAP_REASON_SPOOL_LOST: GapReason
GAP_REASON_TRACE_HOLE: GapReason
GAP_REASON_SILENT: GapReason
GAP_REASON_BETWEEN_BOOTS: GapReason
DEVICE_EVENT_KIND_UNSPECIFIED: DeviceEventKind
DEVICE_EVENT_KIND_APPEARED: DeviceEventKind
DEVICE_EVENT_KIND_VANISHED: DeviceEventKind
DEVICE_EVENT_KIND_XID: DeviceEventKind
DEVICE_EVENT_KIND_ENERGY_RESET: DeviceEventKind
DEVICE_EVENT_KIND_VALUE_DROPPED: DeviceEventKind
DEVICE_EVENT_KIND_PARTITIONED: DeviceEventKind
DEVICE_EVENT_KIND_FACT: DeviceEventKind
DEVICE_EVENT_KIND_HEALTH: DeviceEventKind
DEVICE_EVENT_KIND_FAULT: DeviceEventKind

class Report(_message.Message):
    __slots__ = ("header", "signatures", "blocks")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    signatures: _containers.RepeatedCompositeFieldContainer[Signature]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    def __init__(self, header: _Optional[bytes] = ..., signatures: _Optional[_Iterable[_Union[Signature, _Mapping]]] = ..., blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ("algorithm", "key_id", "value")
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    algorithm: SignatureAlgorithm
    key_id: bytes
    value: bytes
    def __init__(self, algorithm: _Optional[_Union[SignatureAlgorithm, str]] = ..., key_id: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("kind", "salt", "content")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    kind: BlockKind
    salt: bytes
    content: bytes
    def __init__(self, kind: _Optional[_Union[BlockKind, str]] = ..., salt: _Optional[bytes] = ..., content: _Optional[bytes] = ...) -> None: ...

class BlockDigest(_message.Message):
    __slots__ = ("kind", "sha256")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    kind: BlockKind
    sha256: bytes
    def __init__(self, kind: _Optional[_Union[BlockKind, str]] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class ReportHeader(_message.Message):
    __slots__ = ("host_id", "boot_id", "segment", "epoch", "sequence", "previous_sha256", "start_boottime_ms", "end_boottime_ms", "sealed_utc_ms", "clock", "meters", "counters", "blocks", "epoch_opening", "events", "agent_version", "devices_counted_only")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_SHA256_FIELD_NUMBER: _ClassVar[int]
    START_BOOTTIME_MS_FIELD_NUMBER: _ClassVar[int]
    END_BOOTTIME_MS_FIELD_NUMBER: _ClassVar[int]
    SEALED_UTC_MS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    METERS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_OPENING_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEVICES_COUNTED_ONLY_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    boot_id: bytes
    segment: Segment
    epoch: int
    sequence: int
    previous_sha256: bytes
    start_boottime_ms: int
    end_boottime_ms: int
    sealed_utc_ms: int
    clock: ClockState
    meters: _containers.RepeatedCompositeFieldContainer[MeterDescription]
    counters: _containers.RepeatedCompositeFieldContainer[DeviceCounters]
    blocks: _containers.RepeatedCompositeFieldContainer[BlockDigest]
    epoch_opening: EpochOpening
    events: _containers.RepeatedCompositeFieldContainer[HostEvent]
    agent_version: str
    devices_counted_only: int
    def __init__(self, host_id: _Optional[str] = ..., boot_id: _Optional[bytes] = ..., segment: _Optional[_Union[Segment, _Mapping]] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., previous_sha256: _Optional[bytes] = ..., start_boottime_ms: _Optional[int] = ..., end_boottime_ms: _Optional[int] = ..., sealed_utc_ms: _Optional[int] = ..., clock: _Optional[_Union[ClockState, _Mapping]] = ..., meters: _Optional[_Iterable[_Union[MeterDescription, _Mapping]]] = ..., counters: _Optional[_Iterable[_Union[DeviceCounters, _Mapping]]] = ..., blocks: _Optional[_Iterable[_Union[BlockDigest, _Mapping]]] = ..., epoch_opening: _Optional[_Union[EpochOpening, _Mapping]] = ..., events: _Optional[_Iterable[_Union[HostEvent, _Mapping]]] = ..., agent_version: _Optional[str] = ..., devices_counted_only: _Optional[int] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("number", "anchor_utc_ms", "start_boottime_ms")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_UTC_MS_FIELD_NUMBER: _ClassVar[int]
    START_BOOTTIME_MS_FIELD_NUMBER: _ClassVar[int]
    number: int
    anchor_utc_ms: int
    start_boottime_ms: int
    def __init__(self, number: _Optional[int] = ..., anchor_utc_ms: _Optional[int] = ..., start_boottime_ms: _Optional[int] = ...) -> None: ...

class ClockState(_message.Message):
    __slots__ = ("sync", "offset_ms", "error_us_max")
    SYNC_FIELD_NUMBER: _ClassVar[int]
    OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    ERROR_US_MAX_FIELD_NUMBER: _ClassVar[int]
    sync: ClockSync
    offset_ms: int
    error_us_max: int
    def __init__(self, sync: _Optional[_Union[ClockSync, str]] = ..., offset_ms: _Optional[int] = ..., error_us_max: _Optional[int] = ...) -> None: ...

class MeterDescription(_message.Message):
    __slots__ = ("kind", "cadence_ms", "library_version", "driver_version")
    KIND_FIELD_NUMBER: _ClassVar[int]
    CADENCE_MS_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_VERSION_FIELD_NUMBER: _ClassVar[int]
    DRIVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    kind: MeterKind
    cadence_ms: int
    library_version: str
    driver_version: str
    def __init__(self, kind: _Optional[_Union[MeterKind, str]] = ..., cadence_ms: _Optional[int] = ..., library_version: _Optional[str] = ..., driver_version: _Optional[str] = ...) -> None: ...

class DeviceCounters(_message.Message):
    __slots__ = ("slot", "observed_ms", "gap_ms", "held_ms", "active_ms", "utilised_ns", "energy_mj")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_MS_FIELD_NUMBER: _ClassVar[int]
    GAP_MS_FIELD_NUMBER: _ClassVar[int]
    HELD_MS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_MS_FIELD_NUMBER: _ClassVar[int]
    UTILISED_NS_FIELD_NUMBER: _ClassVar[int]
    ENERGY_MJ_FIELD_NUMBER: _ClassVar[int]
    slot: int
    observed_ms: int
    gap_ms: int
    held_ms: int
    active_ms: int
    utilised_ns: int
    energy_mj: int
    def __init__(self, slot: _Optional[int] = ..., observed_ms: _Optional[int] = ..., gap_ms: _Optional[int] = ..., held_ms: _Optional[int] = ..., active_ms: _Optional[int] = ..., utilised_ns: _Optional[int] = ..., energy_mj: _Optional[int] = ...) -> None: ...

class EpochOpening(_message.Message):
    __slots__ = ("reason", "last_epoch", "last_sequence", "last_sha256", "lost_first_sequence", "lost_last_sequence")
    REASON_FIELD_NUMBER: _ClassVar[int]
    LAST_EPOCH_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SHA256_FIELD_NUMBER: _ClassVar[int]
    LOST_FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LOST_LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    reason: EpochReason
    last_epoch: int
    last_sequence: int
    last_sha256: bytes
    lost_first_sequence: int
    lost_last_sequence: int
    def __init__(self, reason: _Optional[_Union[EpochReason, str]] = ..., last_epoch: _Optional[int] = ..., last_sequence: _Optional[int] = ..., last_sha256: _Optional[bytes] = ..., lost_first_sequence: _Optional[int] = ..., lost_last_sequence: _Optional[int] = ...) -> None: ...

class HostEvent(_message.Message):
    __slots__ = ("boottime_ms", "kind", "detail", "value")
    BOOTTIME_MS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    boottime_ms: int
    kind: HostEventKind
    detail: str
    value: int
    def __init__(self, boottime_ms: _Optional[int] = ..., kind: _Optional[_Union[HostEventKind, str]] = ..., detail: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("vendor", "hardware_id", "parent_hardware_id", "model", "serial", "pci_bus_id", "memory_bytes", "share_numerator", "share_denominator", "meter")
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_HARDWARE_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    PCI_BUS_ID_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHARE_NUMERATOR_FIELD_NUMBER: _ClassVar[int]
    SHARE_DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    METER_FIELD_NUMBER: _ClassVar[int]
    vendor: Vendor
    hardware_id: str
    parent_hardware_id: str
    model: str
    serial: str
    pci_bus_id: str
    memory_bytes: int
    share_numerator: int
    share_denominator: int
    meter: MeterKind
    def __init__(self, vendor: _Optional[_Union[Vendor, str]] = ..., hardware_id: _Optional[str] = ..., parent_hardware_id: _Optional[str] = ..., model: _Optional[str] = ..., serial: _Optional[str] = ..., pci_bus_id: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., share_numerator: _Optional[int] = ..., share_denominator: _Optional[int] = ..., meter: _Optional[_Union[MeterKind, str]] = ...) -> None: ...

class DeviceBlock(_message.Message):
    __slots__ = ("slot", "device", "start_boottime_ms", "end_boottime_ms", "readings", "gaps", "events", "holders")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    START_BOOTTIME_MS_FIELD_NUMBER: _ClassVar[int]
    END_BOOTTIME_MS_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    slot: int
    device: Device
    start_boottime_ms: int
    end_boottime_ms: int
    readings: _containers.RepeatedCompositeFieldContainer[Reading]
    gaps: _containers.RepeatedCompositeFieldContainer[Gap]
    events: _containers.RepeatedCompositeFieldContainer[DeviceEvent]
    holders: _containers.RepeatedCompositeFieldContainer[Holder]
    def __init__(self, slot: _Optional[int] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., start_boottime_ms: _Optional[int] = ..., end_boottime_ms: _Optional[int] = ..., readings: _Optional[_Iterable[_Union[Reading, _Mapping]]] = ..., gaps: _Optional[_Iterable[_Union[Gap, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[DeviceEvent, _Mapping]]] = ..., holders: _Optional[_Iterable[_Union[Holder, _Mapping]]] = ...) -> None: ...

class Reading(_message.Message):
    __slots__ = ("start_offset_ms", "span_ms", "observed_ms", "held_known_ms", "held_ms", "utilisation_known_ms", "active_ms", "utilised_ns", "unattributed_ms", "energy_known_ms", "energy_mj", "energy_integrated", "memory_used_bytes_max", "holder_times")
    START_OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    SPAN_MS_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_MS_FIELD_NUMBER: _ClassVar[int]
    HELD_KNOWN_MS_FIELD_NUMBER: _ClassVar[int]
    HELD_MS_FIELD_NUMBER: _ClassVar[int]
    UTILISATION_KNOWN_MS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_MS_FIELD_NUMBER: _ClassVar[int]
    UTILISED_NS_FIELD_NUMBER: _ClassVar[int]
    UNATTRIBUTED_MS_FIELD_NUMBER: _ClassVar[int]
    ENERGY_KNOWN_MS_FIELD_NUMBER: _ClassVar[int]
    ENERGY_MJ_FIELD_NUMBER: _ClassVar[int]
    ENERGY_INTEGRATED_FIELD_NUMBER: _ClassVar[int]
    MEMORY_USED_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    HOLDER_TIMES_FIELD_NUMBER: _ClassVar[int]
    start_offset_ms: int
    span_ms: int
    observed_ms: int
    held_known_ms: int
    held_ms: int
    utilisation_known_ms: int
    active_ms: int
    utilised_ns: int
    unattributed_ms: int
    energy_known_ms: int
    energy_mj: int
    energy_integrated: bool
    memory_used_bytes_max: int
    holder_times: _containers.RepeatedCompositeFieldContainer[HolderTime]
    def __init__(self, start_offset_ms: _Optional[int] = ..., span_ms: _Optional[int] = ..., observed_ms: _Optional[int] = ..., held_known_ms: _Optional[int] = ..., held_ms: _Optional[int] = ..., utilisation_known_ms: _Optional[int] = ..., active_ms: _Optional[int] = ..., utilised_ns: _Optional[int] = ..., unattributed_ms: _Optional[int] = ..., energy_known_ms: _Optional[int] = ..., energy_mj: _Optional[int] = ..., energy_integrated: _Optional[bool] = ..., memory_used_bytes_max: _Optional[int] = ..., holder_times: _Optional[_Iterable[_Union[HolderTime, _Mapping]]] = ...) -> None: ...

class HolderTime(_message.Message):
    __slots__ = ("holder", "held_ms", "share_ms")
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    HELD_MS_FIELD_NUMBER: _ClassVar[int]
    SHARE_MS_FIELD_NUMBER: _ClassVar[int]
    holder: int
    held_ms: int
    share_ms: int
    def __init__(self, holder: _Optional[int] = ..., held_ms: _Optional[int] = ..., share_ms: _Optional[int] = ...) -> None: ...

class Holder(_message.Message):
    __slots__ = ("kind", "key")
    KIND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    kind: HolderKind
    key: bytes
    def __init__(self, kind: _Optional[_Union[HolderKind, str]] = ..., key: _Optional[bytes] = ...) -> None: ...

class HolderNameBlock(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedCompositeFieldContainer[HolderName]
    def __init__(self, names: _Optional[_Iterable[_Union[HolderName, _Mapping]]] = ...) -> None: ...

class HolderName(_message.Message):
    __slots__ = ("key", "name")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    name: str
    def __init__(self, key: _Optional[bytes] = ..., name: _Optional[str] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ("start_offset_ms", "span_ms", "reason", "continuity")
    START_OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    SPAN_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONTINUITY_FIELD_NUMBER: _ClassVar[int]
    start_offset_ms: int
    span_ms: int
    reason: GapReason
    continuity: Continuity
    def __init__(self, start_offset_ms: _Optional[int] = ..., span_ms: _Optional[int] = ..., reason: _Optional[_Union[GapReason, str]] = ..., continuity: _Optional[_Union[Continuity, _Mapping]] = ...) -> None: ...

class Continuity(_message.Message):
    __slots__ = ("same_driver", "same_holders", "energy_mj")
    SAME_DRIVER_FIELD_NUMBER: _ClassVar[int]
    SAME_HOLDERS_FIELD_NUMBER: _ClassVar[int]
    ENERGY_MJ_FIELD_NUMBER: _ClassVar[int]
    same_driver: bool
    same_holders: bool
    energy_mj: int
    def __init__(self, same_driver: _Optional[bool] = ..., same_holders: _Optional[bool] = ..., energy_mj: _Optional[int] = ...) -> None: ...

class DeviceEvent(_message.Message):
    __slots__ = ("boottime_ms", "kind", "detail", "value")
    BOOTTIME_MS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    boottime_ms: int
    kind: DeviceEventKind
    detail: str
    value: int
    def __init__(self, boottime_ms: _Optional[int] = ..., kind: _Optional[_Union[DeviceEventKind, str]] = ..., detail: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
