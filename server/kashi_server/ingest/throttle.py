"""A bound on how often strangers may try: a bucket of tries an address, and one for all.

A call takes a try from both and gives it back when it succeeds, so that a rack of hosts behind one
address is enrolled without waiting while guessing is slowed to the refill.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HOUR_MS: Final = 3_600_000
IPV6_PREFIX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many tries at once, and how many come back in an hour."""

    burst: int
    per_hour: int


PER_ADDRESS: Final = Allowance(burst=60, per_hour=100)
GLOBAL: Final = Allowance(burst=1_000, per_hour=10_000)


class Bucket:
    """Tries that come back with time; kept in integers, a try being worth 3 600 000 shares."""

    __slots__ = ("_allowance", "_at_ms", "_shares")

    def __init__(self, allowance: Allowance, at_ms: int) -> None:
        self._allowance = allowance
        self._shares = allowance.burst * HOUR_MS
        self._at_ms = at_ms

    def take(self, at_ms: int) -> bool:
        """Take a try if there is one."""
        refill = (at_ms - self._at_ms) * self._allowance.per_hour
        self._shares = min(self._shares + refill, self._allowance.burst * HOUR_MS)
        self._at_ms = at_ms
        if self._shares < HOUR_MS:
            return False
        self._shares -= HOUR_MS
        return True

    def give_back(self) -> None:
        """Return a try."""
        self._shares = min(self._shares + HOUR_MS, self._allowance.burst * HOUR_MS)


class Throttle:
    """Bounds tries by address and globally; remembers a bounded number of addresses."""

    def __init__(
        self,
        monotonic_ms: Callable[[], int],
        per_address: Allowance = PER_ADDRESS,
        overall: Allowance = GLOBAL,
        addresses_max: int = 10_000,
    ) -> None:
        self._monotonic_ms = monotonic_ms
        self._per_address = per_address
        self._overall = Bucket(overall, monotonic_ms())
        self._addresses_max = addresses_max
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str) -> bool:
        """Take a try for an address; False when it, or everybody together, has none left."""
        now_ms = self._monotonic_ms()
        bucket = self._bucket(address, now_ms)
        if not bucket.take(now_ms):
            return False
        if not self._overall.take(now_ms):
            bucket.give_back()
            return False
        return True

    def give_back(self, address: str) -> None:
        """The call succeeded: it costs nothing."""
        self._bucket(address, self._monotonic_ms()).give_back()
        self._overall.give_back()

    def _bucket(self, address: str, now_ms: int) -> Bucket:
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = Bucket(self._per_address, now_ms)
            if len(self._buckets) > self._addresses_max:
                # The one not seen for longest has refilled most.
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(address)
        return bucket


def address_of(peer: str) -> str:
    """The address of a gRPC peer such as `ipv4:192.0.2.1:5000`; an IPv6 network counts as one."""
    family, _, rest = peer.partition(":")
    host = rest.rpartition(":")[0].strip("[]").replace("%5B", "").replace("%5D", "")
    if family != "ipv6":
        return host or peer
    try:
        return str(ipaddress.ip_network(f"{host.partition('%')[0]}/{IPV6_PREFIX}", strict=False))
    except ValueError:
        return host
