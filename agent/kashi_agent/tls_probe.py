"""Why a TLS connection does not come about.

gRPC says "Socket closed" whatever the reason. A handshake of our own, with the same certificate and
the same root, tells a wrong name from a refused certificate from a port where nobody listens.
"""

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509

PROBE_SECONDS: Final = 5.0
CERTIFICATE_REFUSED: Final = "服务器拒绝本机的连接证书"
"""How `text` begins where the server does."""

_DATES: Final = frozenset({9, 10})
"""OpenSSL's verdicts on a certificate that is not valid yet, or no longer."""
_NAMES: Final = frozenset({62, 64})
"""On one that names another host, or another address."""


class TlsTroubleKind(StrEnum):
    """What stands in the way, by the code of the doctor's finding."""

    NAME = "name_unresolved"
    NOBODY = "nobody_listens"
    SILENT = "no_answer"
    UNREACHABLE = "unreachable"
    FOREIGN = "intercepted"
    WRONG_NAME = "wrong_name"
    DATES = "server_certificate_dates"
    FAILED = "tls_failed"
    REFUSED = "certificate_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTrouble:
    """What stands in the way of an address, and in whose words; a foreign chain's: its issuer."""

    kind: TlsTroubleKind
    address: str
    detail: str = ""

    @property
    def text(self) -> str:
        """In one sentence."""
        address, detail, host = self.address, self.detail, self.address.rpartition(":")[0]
        zh = f"{address} 出示的证书不成立"
        en = f"{address} shows a certificate that does not hold"
        seconds = f"{PROBE_SECONDS:.0f}"
        sentences = {
            TlsTroubleKind.NAME: f"无法解析名称 {host}。The name {host} cannot be resolved",
            TlsTroubleKind.NOBODY: f"{address} 无人监听。Nobody listens at {address}",
            TlsTroubleKind.SILENT: f"{address} 在 {seconds} 秒内没有应答；中间是否有防火墙？"
            f"{address} does not answer within {seconds} s; is a firewall in between?",
            TlsTroubleKind.UNREACHABLE: f"无法到达 {address}。"
            f"{address} cannot be reached: {detail}",
            TlsTroubleKind.FOREIGN: f"{zh}：由“{detail}”签发；这是令牌所来自的服务器吗，中间是否有"
            f"拦截 TLS 的代理？{en}: it was issued by '{detail}'; is this the server the token "
            "came from, or does something between intercept TLS?",
            TlsTroubleKind.WRONG_NAME: f"{zh}：{detail}；这是令牌所来自的服务器吗？"
            f"{en}: {detail}; is this the server the token came from?",
            TlsTroubleKind.DATES: f"{zh}：{detail}；时钟准确吗？"
            f"{en}: {detail}; is the clock right?",
            TlsTroubleKind.FAILED: f"与 {address} 的 TLS 握手失败。"
            f"TLS with {address} fails: {detail}",
            TlsTroubleKind.REFUSED: f"{CERTIFICATE_REFUSED}。The server refuses this host's "
            f"certificate: {detail}",
        }
        return sentences[self.kind]


def probe_tls(address: str, root: bytes, tls_path: Path | None = None) -> str:
    """What stands in the way of `address` in one sentence, "" when nothing does."""
    trouble = tls_trouble(address, root, tls_path)
    return "" if trouble is None else trouble.text


def tls_trouble(address: str, root: bytes, tls_path: Path | None = None) -> TlsTrouble | None:
    """What stands in the way of `address`, None when nothing does.

    `root`: the only root to trust, DER. `tls_path`: key and certificate chain to show, PEM.
    """
    kind, detail = _attempt(address, root, tls_path)
    return None if kind is None else TlsTrouble(kind=kind, address=address, detail=detail)


def _attempt(address: str, root: bytes, tls_path: Path | None) -> tuple[TlsTroubleKind | None, str]:
    try:
        with _connected(address) as connection:
            context = _context(root)
            if tls_path is not None:
                context.load_cert_chain(tls_path)
            with context.wrap_socket(connection, server_hostname=_host(address)) as channel:
                refused = _refusal_after_handshake(channel)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in _DATES:
            return TlsTroubleKind.DATES, error.verify_message
        if error.verify_code in _NAMES:
            return TlsTroubleKind.WRONG_NAME, error.verify_message
        return TlsTroubleKind.FOREIGN, _issuer(address) or error.verify_message
    except ssl.SSLError as error:
        return TlsTroubleKind.FAILED, str(error.reason or error)
    except socket.gaierror:
        return TlsTroubleKind.NAME, ""
    except ConnectionRefusedError:
        return TlsTroubleKind.NOBODY, ""
    except TimeoutError:
        return TlsTroubleKind.SILENT, ""
    except OSError as error:
        return TlsTroubleKind.UNREACHABLE, str(error.strerror or error)
    return (TlsTroubleKind.REFUSED, refused) if refused else (None, "")


def _context(root: bytes) -> ssl.SSLContext:
    # Not `create_default_context`: that one looks into the environment (SSLKEYLOGFILE).
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root)
    context.set_alpn_protocols(["h2"])
    return context


def _refusal_after_handshake(channel: ssl.SSLSocket) -> str:
    """In TLS 1.3 a server refuses a client's certificate after the client's own handshake is over:
    only reading shows it."""
    try:
        first = channel.recv(1)
    except ssl.SSLError as error:
        return str(error.reason or error)
    except TimeoutError:
        return ""
    except OSError:
        first = b""
    return "" if first else "对方挂断。it hangs up"


def _issuer(address: str) -> str:
    """Who issued the certificate that is shown, whoever shows it; nothing is sent to them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            _connected(address) as connection,
            context.wrap_socket(connection, server_hostname=_host(address)) as channel,
        ):
            shown = channel.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(shown or b"").issuer.rfc4514_string()
    except (OSError, ValueError):
        return ""


def _connected(address: str) -> socket.socket:
    port = int(address.rpartition(":")[2])
    return socket.create_connection((_host(address), port), timeout=PROBE_SECONDS)


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")
