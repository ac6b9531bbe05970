"""Why a TLS connection does not come about, in words.

gRPC says "Socket closed" whatever the reason. A handshake of our own, with the same certificate and
the same root, tells a wrong name from a refused certificate from a port where nobody listens.
"""

import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

PROBE_SECONDS = 5.0
CERTIFICATE_REFUSED = "the server refuses this host's certificate"


def probe_tls(address: str, root: bytes, tls_path: Path | None = None) -> str:
    """What stands in the way of `address`, "" when nothing does.

    `root`: the only root to trust, DER. `tls_path`: key and certificate chain to show, PEM.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    pem = x509.load_der_x509_certificate(root).public_bytes(serialization.Encoding.PEM).decode()
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=pem)
    context.set_alpn_protocols(["h2"])
    if tls_path is not None:
        context.load_cert_chain(tls_path)
    try:
        with (
            socket.create_connection((host, int(port)), timeout=PROBE_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host) as channel,
        ):
            return _refusal_after_handshake(channel)
    except ssl.SSLCertVerificationError as error:
        return (
            f"{address} shows a certificate that does not hold: {error.verify_message}; is this "
            "the server the token came from?"
        )
    except ssl.SSLError as error:
        return f"TLS with {address} fails: {error.reason or error}"
    except socket.gaierror:
        return f"the name {host} cannot be resolved"
    except ConnectionRefusedError:
        return f"nobody listens at {address}"
    except TimeoutError:
        return f"{address} does not answer within {PROBE_SECONDS:.0f} s; is a firewall in between?"
    except OSError as error:
        return f"{address} cannot be reached: {error.strerror or error}"


def _refusal_after_handshake(channel: ssl.SSLSocket) -> str:
    """In TLS 1.3 a server refuses a client's certificate after the client's own handshake is over:
    only reading shows it."""
    try:
        first = channel.recv(1)
    except ssl.SSLError as error:
        return f"{CERTIFICATE_REFUSED}: {error.reason or error}"
    except TimeoutError:
        return ""
    except OSError:
        first = b""
    return "" if first else f"{CERTIFICATE_REFUSED} and hangs up"
