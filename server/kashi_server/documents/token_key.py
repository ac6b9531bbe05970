"""The document key on a token: PKCS#11, so that no copy of the key is in this machine's files.

The token is named by module, label and key; its certificate and chain stand in a PEM file, for not
every token keeps them. A session is opened for each document and closed after it: a token that was
pulled out and put back is found again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.config.pkcs11 import TokenCriteria
from pyhanko.sign import signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session

from kashi_server.documents.signing import library_certificates
from kashi_server.errors import ConfigurationError, InvalidValue, SigningFailed

_CURVE: Final = "secp256r1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A P-256 key on a token.

    Attributes:
        module: the token's PKCS#11 library.
        token_label: which token.
        key_label: which key on it.
        pin_file: holds the PIN alone.
        chain: the key's certificate first, its root last.
    """

    module: Path
    token_label: str
    key_label: str
    pin_file: Path
    chain: Sequence[x509.Certificate]

    def __post_init__(self) -> None:
        """Refuse a key of another curve."""
        key = self.chain[0].public_key() if self.chain else None
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != _CURVE:
            raise InvalidValue("文书须以 P-256 密钥签名。documents are signed with a P-256 key")

    @contextmanager
    def signer(self) -> Iterator[signers.Signer]:
        """The library's signer over the key on the token.

        Raises:
            SigningFailed: module, token, PIN or key is not what the settings say.
        """
        with self._session() as session:
            certificates = library_certificates(self.chain)
            signer = PKCS11Signer(
                session,
                signing_cert=certificates[0],
                ca_chain=certificates[1:],
                key_label=self.key_label,
                # Hashed here: the plainest mechanism is the one that every token has.
                use_raw_mechanism=True,
            )
            self._check_key(session)
            try:
                yield signer
            except (pkcs11.PKCS11Error, SigningError) as error:
                raise SigningFailed(
                    f"令牌“{self.token_label}”未能以密钥“{self.key_label}”签名。"
                    f"token '{self.token_label}' did not sign with key '{self.key_label}':"
                    f" {_said(error)}"
                ) from error

    @contextmanager
    def _session(self) -> Iterator[pkcs11.Session]:
        pin = self._pin()
        try:
            session = open_pkcs11_session(
                str(self.module),
                token_criteria=TokenCriteria(label=self.token_label),
                user_pin=pin,
            )
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange) as error:
            raise SigningFailed(
                f"{self.pin_file} 中的 PIN 不是令牌“{self.token_label}”的；"
                "请更正后再试：连错几次令牌即被锁定。"
                f"the PIN in {self.pin_file} is not that of token '{self.token_label}'; correct it"
                " before trying again: a token locks after a few wrong ones"
            ) from error
        except pkcs11.PinLocked as error:
            raise SigningFailed(
                f"令牌“{self.token_label}”因 PIN 多次错误已被锁定，须由其安全管理员解锁。"
                f"token '{self.token_label}' is locked after too many wrong PINs; its security"
                " officer unlocks it"
            ) from error
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise SigningFailed(self._unreached(error)) from error
        with session:
            yield session

    def _unreached(self, error: Exception) -> str:
        if not self.module.exists():
            return (
                f"没有 PKCS#11 模块 {self.module}；见 documents.token_module。"
                f"there is no PKCS#11 module {self.module}; see documents.token_module"
            )
        return (
            f"{self.module} 之后没有令牌“{self.token_label}”；"
            "请插入令牌，或更正 documents.token_label。"
            f"there is no token '{self.token_label}' behind {self.module}: {_said(error)}; put it"
            " in, or correct documents.token_label"
        )

    def _check_key(self, session: pkcs11.Session) -> None:
        """Make sure that the key is there, and is the one that the certificate names."""
        found = list(
            session.get_objects(
                {
                    pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY,
                    pkcs11.Attribute.LABEL: self.key_label,
                }
            )
        )
        if len(found) != 1:
            raise SigningFailed(
                f"令牌“{self.token_label}”中有 {len(found)} 个名为“{self.key_label}”的私钥；"
                "应恰有一个，见 documents.key_label。"
                f"token '{self.token_label}' holds {len(found)} private keys named"
                f" '{self.key_label}'; there must be one: see documents.key_label"
            )

    def _pin(self) -> str:
        try:
            return self.pin_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SigningFailed(
                f"无法从 {self.pin_file} 读取 PIN。"
                f"the PIN cannot be read from {self.pin_file}: {error}"
            ) from error


def read_chain(path: Path) -> tuple[x509.Certificate, ...]:
    """A chain in PEM, the key's certificate first, its root last.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} 中没有 PEM 格式的证书。{path} holds no certificates in PEM: {error}"
        ) from error


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
