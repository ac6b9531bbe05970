"""The way to the server: the handshake first, then one empty call, as the running agent makes."""

from collections.abc import Callable, Iterator
from pathlib import Path

from kashi_agent.doctor.finding import Finding
from kashi_agent.doctor.words import finding
from kashi_agent.errors import AgentError, CertificateRefusedError, RefusedError, UnreachableError
from kashi_agent.tls_probe import TlsTrouble

Probe = Callable[[str, bytes, Path | None], TlsTrouble | None]
"""Shakes hands with an address under a root, showing a certificate: what stands in the way."""


def look_at_port(probe: Probe, address: str, root: bytes, tls_path: Path | None) -> Finding:
    """Whether a handshake with the right server comes about."""
    trouble = probe(address, root, tls_path)
    if trouble is None:
        return finding("port_ok", address=address)
    detail = trouble.detail
    return finding(
        trouble.kind,
        address=address,
        name=address.rpartition(":")[0],
        issuer=detail,
        why=detail,
    )


def look_at_call(ask: Callable[[], object], unprobed: str = "") -> Iterator[Finding]:
    """Whether the server takes a call of this host; `ask` makes an empty one. `unprobed`: the way
    of the call, where no handshake was tried that could tell more."""
    try:
        ask()
    except CertificateRefusedError as error:
        yield finding("certificate_refused", why=str(error))
    except RefusedError as error:
        yield finding("host_refused", why=str(error))
    except AgentError as error:
        lost = unprobed and isinstance(error, UnreachableError)
        # The running agent's own call is in flight: that one was accepted.
        if "(ABORTED)" not in str(error):
            code = "unreachable" if lost else "server_trouble"
            yield finding(code, address=unprobed, why=str(error))
