from kashi.v1 import enrolment_pb2 as _enrolment_pb2
from kashi.v1 import metering_pb2 as _metering_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CarryKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CARRY_KIND_UNSPECIFIED: _ClassVar[CarryKind]
    CARRY_KIND_REPORTS: _ClassVar[CarryKind]
    CARRY_KIND_RECEIPTS: _ClassVar[CarryKind]
    CARRY_KIND_REQUESTS: _ClassVar[CarryKind]
    CARRY_KIND_RESPONSES: _ClassVar[CarryKind]
CARRY_KIND_UNSPECIFIED: CarryKind
CARRY_KIND_REPORTS: CarryKind
CARRY_KIND_RECEIPTS: CarryKind
CARRY_KIND_REQUESTS: CarryKind
CARRY_KIND_RESPONSES: CarryKind

class CarryRecord(_message.Message):
    __slots__ = ("opening", "reports", "renewal", "enrolment", "answer", "certificate", "identity", "end")
    OPENING_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    RENEWAL_FIELD_NUMBER: _ClassVar[int]
    ENROLMENT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    opening: CarryOpening
    reports: _metering_pb2.SubmitRequest
    renewal: _metering_pb2.RenewRequest
    enrolment: CarriedEnrolment
    answer: CarriedAnswer
    certificate: CarriedCertificate
    identity: _enrolment_pb2.SignedEnrolment
    end: CarryEnd
    def __init__(self, opening: _Optional[_Union[CarryOpening, _Mapping]] = ..., reports: _Optional[_Union[_metering_pb2.SubmitRequest, _Mapping]] = ..., renewal: _Optional[_Union[_metering_pb2.RenewRequest, _Mapping]] = ..., enrolment: _Optional[_Union[CarriedEnrolment, _Mapping]] = ..., answer: _Optional[_Union[CarriedAnswer, _Mapping]] = ..., certificate: _Optional[_Union[CarriedCertificate, _Mapping]] = ..., identity: _Optional[_Union[_enrolment_pb2.SignedEnrolment, _Mapping]] = ..., end: _Optional[_Union[CarryEnd, _Mapping]] = ...) -> None: ...

class CarryOpening(_message.Message):
    __slots__ = ("kind", "made_utc_ms", "made_by")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MADE_UTC_MS_FIELD_NUMBER: _ClassVar[int]
    MADE_BY_FIELD_NUMBER: _ClassVar[int]
    kind: CarryKind
    made_utc_ms: int
    made_by: str
    def __init__(self, kind: _Optional[_Union[CarryKind, str]] = ..., made_utc_ms: _Optional[int] = ..., made_by: _Optional[str] = ...) -> None: ...

class CarriedEnrolment(_message.Message):
    __slots__ = ("request", "token_hint", "token_proof")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TOKEN_HINT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_PROOF_FIELD_NUMBER: _ClassVar[int]
    request: bytes
    token_hint: bytes
    token_proof: bytes
    def __init__(self, request: _Optional[bytes] = ..., token_hint: _Optional[bytes] = ..., token_proof: _Optional[bytes] = ...) -> None: ...

class CarriedAnswer(_message.Message):
    __slots__ = ("host_id", "answer")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    answer: _metering_pb2.SubmitResponse
    def __init__(self, host_id: _Optional[str] = ..., answer: _Optional[_Union[_metering_pb2.SubmitResponse, _Mapping]] = ...) -> None: ...

class CarriedCertificate(_message.Message):
    __slots__ = ("host_id", "answer")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    answer: _metering_pb2.RenewResponse
    def __init__(self, host_id: _Optional[str] = ..., answer: _Optional[_Union[_metering_pb2.RenewResponse, _Mapping]] = ...) -> None: ...

class CarryEnd(_message.Message):
    __slots__ = ("record_count",)
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    record_count: int
    def __init__(self, record_count: _Optional[int] = ...) -> None: ...
