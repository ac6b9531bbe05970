"""A server whose ports stay its own however often it ends."""

from fixtures_server import KashiServer
from free_port import free_port


def pin_ports(server: KashiServer) -> None:
    """Give every family of a server a port of its own, for good."""
    settings = server.directory / "server.toml"
    text = settings.read_text(encoding="utf-8")
    while '127.0.0.1:0"' in text:
        text = text.replace('127.0.0.1:0"', f'127.0.0.1:{free_port()}"', 1)
    settings.write_text(text, encoding="utf-8")
