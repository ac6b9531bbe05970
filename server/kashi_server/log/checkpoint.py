"""Checkpoints: the text that is signed, and reading it back."""

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing
from kashi.errors import FormError
from kashi.v1 import metering_pb2

from kashi_server.services.log_port import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointText:
    """What a checkpoint says; four lines, each ending in a newline."""

    origin: str
    size: int
    root: bytes
    utc_ms: int

    def body(self) -> bytes:
        """The bytes that are signed."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n{self.utc_ms}\n".encode()

    @classmethod
    def parse(cls, body: bytes) -> "CheckpointText":
        """Read the body of a checkpoint.

        Raises:
            FormError: it is none, or is not written in the one way it may be.
        """
        try:
            origin, size, root, utc_ms, rest = body.decode().split("\n")
            text = cls(
                origin=origin,
                size=int(size),
                root=base64.b64decode(root, validate=True),
                utc_ms=int(utc_ms),
            )
        except ValueError as error:
            raise FormError("the body is not a checkpoint") from error
        if rest or text.body() != body:
            raise FormError("the body is not written as a checkpoint is")
        return text


def origin_of(key: ec.EllipticCurvePublicKey) -> str:
    """The log's name: it is the log of this key."""
    return f"kashi/v1/log/{signing.key_id(key).hex()}"


def sign_checkpoint(
    key: ec.EllipticCurvePrivateKey, size: int, root: bytes, utc_ms: int
) -> Checkpoint:
    """Sign the head of the log."""
    text = CheckpointText(origin=origin_of(key.public_key()), size=size, root=root, utc_ms=utc_ms)
    body = text.body()
    message = metering_pb2.SignedCheckpoint(
        body=body, signature=signing.sign(key, signing.CHECKPOINT, body)
    )
    return Checkpoint(size=size, root=root, utc_ms=utc_ms, signed=message.SerializeToString())


def verify_checkpoint(key: ec.EllipticCurvePublicKey, signed: bytes) -> CheckpointText:
    """Check a serialised SignedCheckpoint.

    Raises:
        kashi.errors.ContractError: the signature does not verify, or the body is none.
    """
    message = metering_pb2.SignedCheckpoint.FromString(signed)
    signing.verify(key, message.signature, signing.CHECKPOINT, message.body)
    return CheckpointText.parse(message.body)
