from kashi.v1 import report_pb2 as _report_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACCEPTED: _ClassVar[Verdict]
    VERDICT_DUPLICATE: _ClassVar[Verdict]
    VERDICT_GAP: _ClassVar[Verdict]
    VERDICT_FORK: _ClassVar[Verdict]
    VERDICT_QUARANTINED: _ClassVar[Verdict]
    VERDICT_REJECTED: _ClassVar[Verdict]
    VERDICT_RELAYED: _ClassVar[Verdict]

class QuarantineReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUARANTINE_REASON_UNSPECIFIED: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_HOST_HELD: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_REPLAY_METER: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_BEFORE_ENROLMENT: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_OVERLAP: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_BEYOND_SKEW: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_COUNTERS: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_EPOCH_LIMIT: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_DESCRIPTION: _ClassVar[QuarantineReason]
    QUARANTINE_REASON_CADENCE: _ClassVar[QuarantineReason]
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACCEPTED: Verdict
VERDICT_DUPLICATE: Verdict
VERDICT_GAP: Verdict
VERDICT_FORK: Verdict
VERDICT_QUARANTINED: Verdict
VERDICT_REJECTED: Verdict
VERDICT_RELAYED: Verdict
QUARANTINE_REASON_UNSPECIFIED: QuarantineReason
QUARANTINE_REASON_HOST_HELD: QuarantineReason
QUARANTINE_REASON_REPLAY_METER: QuarantineReason
QUARANTINE_REASON_BEFORE_ENROLMENT: QuarantineReason
QUARANTINE_REASON_OVERLAP: QuarantineReason
QUARANTINE_REASON_BEYOND_SKEW: QuarantineReason
QUARANTINE_REASON_COUNTERS: QuarantineReason
QUARANTINE_REASON_EPOCH_LIMIT: QuarantineReason
QUARANTINE_REASON_DESCRIPTION: QuarantineReason
QUARANTINE_REASON_CADENCE: QuarantineReason

class SubmitRequest(_message.Message):
    __slots__ = ("reports", "host_id", "acknowledged")
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedScalarFieldContainer[bytes]
    host_id: str
    acknowledged: Head
    def __init__(self, reports: _Optional[_Iterable[bytes]] = ..., host_id: _Optional[str] = ..., acknowledged: _Optional[_Union[Head, _Mapping]] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("results", "head", "checkpoint", "receipts", "notice", "last_report")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    LAST_REPORT_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[SubmitResult]
    head: Head
    checkpoint: bytes
    receipts: _containers.RepeatedScalarFieldContainer[bytes]
    notice: bytes
    last_report: bytes
    def __init__(self, results: _Optional[_Iterable[_Union[SubmitResult, _Mapping]]] = ..., head: _Optional[_Union[Head, _Mapping]] = ..., checkpoint: _Optional[bytes] = ..., receipts: _Optional[_Iterable[bytes]] = ..., notice: _Optional[bytes] = ..., last_report: _Optional[bytes] = ...) -> None: ...

class SignedNotice(_message.Message):
    __slots__ = ("payload", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: _report_pb2.Signature
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[_Union[_report_pb2.Signature, _Mapping]] = ...) -> None: ...

class NoticePayload(_message.Message):
    __slots__ = ("host_id", "head", "answered_utc_ms", "refused")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_UTC_MS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    head: Head
    answered_utc_ms: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedReport]
    def __init__(self, host_id: _Optional[str] = ..., head: _Optional[_Union[Head, _Mapping]] = ..., answered_utc_ms: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedReport, _Mapping]]] = ...) -> None: ...

class RefusedReport(_message.Message):
    __slots__ = ("wire_sha256", "verdict", "detail")
    WIRE_SHA256_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    wire_sha256: bytes
    verdict: Verdict
    detail: str
    def __init__(self, wire_sha256: _Optional[bytes] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., detail: _Optional[str] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("epoch", "sequence", "sha256")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    sequence: int
    sha256: bytes
    def __init__(self, epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class SubmitResult(_message.Message):
    __slots__ = ("verdict", "receipt", "detail")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    receipt: bytes
    detail: str
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., receipt: _Optional[bytes] = ..., detail: _Optional[str] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("payload", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: _report_pb2.Signature
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[_Union[_report_pb2.Signature, _Mapping]] = ...) -> None: ...

class ReceiptPayload(_message.Message):
    __slots__ = ("host_id", "epoch", "sequence", "report_sha256", "verdict", "quarantine_reason", "received_utc_ms")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPORT_SHA256_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    QUARANTINE_REASON_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_UTC_MS_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    epoch: int
    sequence: int
    report_sha256: bytes
    verdict: Verdict
    quarantine_reason: QuarantineReason
    received_utc_ms: int
    def __init__(self, host_id: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., report_sha256: _Optional[bytes] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., quarantine_reason: _Optional[_Union[QuarantineReason, str]] = ..., received_utc_ms: _Optional[int] = ...) -> None: ...

class SignedCheckpoint(_message.Message):
    __slots__ = ("body", "signature")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: _report_pb2.Signature
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[_Union[_report_pb2.Signature, _Mapping]] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("csr", "host_id", "signature")
    CSR_FIELD_NUMBER: _ClassVar[int]
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    csr: bytes
    host_id: str
    signature: _report_pb2.Signature
    def __init__(self, csr: _Optional[bytes] = ..., host_id: _Optional[str] = ..., signature: _Optional[_Union[_report_pb2.Signature, _Mapping]] = ...) -> None: ...

class RenewResponse(_message.Message):
    __slots__ = ("certificate_chain",)
    CERTIFICATE_CHAIN_FIELD_NUMBER: _ClassVar[int]
    certificate_chain: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, certificate_chain: _Optional[_Iterable[bytes]] = ...) -> None: ...
