"""How often one address may ask the public pages: a bucket of tokens for each, bounded in number.

Kept in the serving process: a restart forgives, and a second process counts for itself. What must
not be forgiven, guessing passwords, is counted in the database instead.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from kashi_server.portal.errors import TooManyRequests

ADDRESSES_MAX = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens_milli: int
    filled_utc_ms: int


class Pace:
    """Lets `burst` requests through at once and one more every `interval_ms`."""

    def __init__(self, clock: Callable[[], int], burst: int = 20, interval_ms: int = 3000) -> None:
        self._clock = clock
        self._burst = burst
        self._interval_ms = interval_ms
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def take(self, address: str) -> None:
        """Spend a token.

        Raises:
            TooManyRequests: none is left; ask again later.
        """
        with self._lock:
            bucket = self._bucket(address)
            if bucket.tokens_milli < 1000:
                raise TooManyRequests(
                    "该来源的请求过多，请稍候。too many requests from this address; wait a little"
                )
            bucket.tokens_milli -= 1000

    def _bucket(self, address: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(address, _Bucket(self._burst * 1000, now))
        self._buckets.move_to_end(address)
        if len(self._buckets) > ADDRESSES_MAX:
            self._buckets.popitem(last=False)
        passed_ms = max(0, now - bucket.filled_utc_ms)
        grown = bucket.tokens_milli + passed_ms * 1000 // self._interval_ms
        bucket.tokens_milli = min(self._burst * 1000, grown)
        bucket.filled_utc_ms = now
        return bucket
