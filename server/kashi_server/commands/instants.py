"""Instants as officers read them."""

from kashi_server.domain.interval import SHANGHAI
from kashi_server.services.profiles import instant


def local_time(utc_ms: int) -> str:
    """An instant as an officer reads it."""
    return instant(utc_ms).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S %Z")
