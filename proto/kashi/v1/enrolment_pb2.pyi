from kashi.v1 import report_pb2 as _report_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EnrolRequest(_message.Message):
    __slots__ = ("token", "csr", "report_public_key", "possession", "facts", "relay_names")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    REPORT_PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    POSSESSION_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    RELAY_NAMES_FIELD_NUMBER: _ClassVar[int]
    token: str
    csr: bytes
    report_public_key: bytes
    possession: _report_pb2.Signature
    facts: HostFacts
    relay_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, token: _Optional[str] = ..., csr: _Optional[bytes] = ..., report_public_key: _Optional[bytes] = ..., possession: _Optional[_Union[_report_pb2.Signature, _Mapping]] = ..., facts: _Optional[_Union[HostFacts, _Mapping]] = ..., relay_names: _Optional[_Iterable[str]] = ...) -> None: ...

class HostFacts(_message.Message):
    __slots__ = ("hostname", "machine_sha256", "operating_system", "agent_version", "architecture", "key_token")
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    MACHINE_SHA256_FIELD_NUMBER: _ClassVar[int]
    OPERATING_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    KEY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    hostname: str
    machine_sha256: bytes
    operating_system: str
    agent_version: str
    architecture: str
    key_token: KeyToken
    def __init__(self, hostname: _Optional[str] = ..., machine_sha256: _Optional[bytes] = ..., operating_system: _Optional[str] = ..., agent_version: _Optional[str] = ..., architecture: _Optional[str] = ..., key_token: _Optional[_Union[KeyToken, _Mapping]] = ...) -> None: ...

class KeyToken(_message.Message):
    __slots__ = ("manufacturer", "model", "serial", "made_inside", "never_extractable", "always_sensitive")
    MANUFACTURER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    MADE_INSIDE_FIELD_NUMBER: _ClassVar[int]
    NEVER_EXTRACTABLE_FIELD_NUMBER: _ClassVar[int]
    ALWAYS_SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    manufacturer: str
    model: str
    serial: str
    made_inside: bool
    never_extractable: bool
    always_sensitive: bool
    def __init__(self, manufacturer: _Optional[str] = ..., model: _Optional[str] = ..., serial: _Optional[str] = ..., made_inside: _Optional[bool] = ..., never_extractable: _Optional[bool] = ..., always_sensitive: _Optional[bool] = ...) -> None: ...

class EnrolResponse(_message.Message):
    __slots__ = ("host_id", "certificate_chain", "receipt_certificate_chain", "metering_address", "enrolled_utc_ms", "operator_party_id", "demo")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_CHAIN_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_CERTIFICATE_CHAIN_FIELD_NUMBER: _ClassVar[int]
    METERING_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ENROLLED_UTC_MS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_PARTY_ID_FIELD_NUMBER: _ClassVar[int]
    DEMO_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    certificate_chain: _containers.RepeatedScalarFieldContainer[bytes]
    receipt_certificate_chain: _containers.RepeatedScalarFieldContainer[bytes]
    metering_address: str
    enrolled_utc_ms: int
    operator_party_id: str
    demo: bool
    def __init__(self, host_id: _Optional[str] = ..., certificate_chain: _Optional[_Iterable[bytes]] = ..., receipt_certificate_chain: _Optional[_Iterable[bytes]] = ..., metering_address: _Optional[str] = ..., enrolled_utc_ms: _Optional[int] = ..., operator_party_id: _Optional[str] = ..., demo: _Optional[bool] = ...) -> None: ...

class SignedEnrolment(_message.Message):
    __slots__ = ("payload", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: _report_pb2.Signature
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[_Union[_report_pb2.Signature, _Mapping]] = ...) -> None: ...

class ChallengeRequest(_message.Message):
    __slots__ = ("host_id",)
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    def __init__(self, host_id: _Optional[str] = ...) -> None: ...

class ChallengeResponse(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    def __init__(self, nonce: _Optional[bytes] = ...) -> None: ...

class RecoverRequest(_message.Message):
    __slots__ = ("host_id", "csr", "nonce", "signature")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    csr: bytes
    nonce: bytes
    signature: _report_pb2.Signature
    def __init__(self, host_id: _Optional[str] = ..., csr: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., signature: _Optional[_Union[_report_pb2.Signature, _Mapping]] = ...) -> None: ...

class RecoverResponse(_message.Message):
    __slots__ = ("certificate_chain",)
    CERTIFICATE_CHAIN_FIELD_NUMBER: _ClassVar[int]
    certificate_chain: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, certificate_chain: _Optional[_Iterable[bytes]] = ...) -> None: ...
