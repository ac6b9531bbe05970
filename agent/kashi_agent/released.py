"""The release that stands: until when the devices are left alone, kept over the agent's restarts.

A reset or a change of partitions takes its time whether or not the agent is restarted meanwhile; a
reboot ends it. The file says so by itself: it names the boot, and the instant on its clock.
"""

import json
import logging
from pathlib import Path

from kashi_agent.clock import Clock
from kashi_agent.durable import remove_durable, write_durable
from kashi_agent.meter_link import RELEASE_MS_MAX

logger = logging.getLogger(__name__)

_SHORT_LIVED = "释放不会延续到下一个代理。A release will not outlive this agent: %s: %s"
_UNFORGOTTEN = "已结束的释放无法删除。A release that is over cannot be forgotten: %s: %s"
_NONE_READ = "没有读取到释放。No release is read from %s: %s"


class ReleaseBook:
    """One host's release, if there is one."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._until_boottime_ms = _kept(path, clock)

    @property
    def stands(self) -> bool:
        """Whether the devices are to be left alone; until `end`, also past the time agreed."""
        return self._until_boottime_ms is not None

    @property
    def left_ms(self) -> int:
        """What is left of the time agreed; 0 when it is over or none stands."""
        return max(0, (self._until_boottime_ms or 0) - self._clock.boottime_ms())

    def begin(self, duration_ms: int) -> None:
        """Leave the devices alone from now on; replaces a release that stands."""
        self._until_boottime_ms = self._clock.boottime_ms() + duration_ms
        kept = {
            "boot_id": self._clock.boot_id().hex(),
            "until_boottime_ms": self._until_boottime_ms,
        }
        try:
            write_durable(self._path, json.dumps(kept).encode())
        except OSError as error:
            logger.warning(_SHORT_LIVED, self._path, error)

    def end(self) -> None:
        """Take the devices up again."""
        self._until_boottime_ms = None
        try:
            remove_durable(self._path)
        except OSError as error:
            logger.warning(_UNFORGOTTEN, self._path, error)


def _kept(path: Path, clock: Clock) -> int | None:
    """The end of the release that an agent of this boot left; a file of another sort is none, and
    one whose end lies further off than a command can ask for."""
    try:
        kept = json.loads(path.read_bytes())
        of_this_boot, until_ms = kept["boot_id"] == clock.boot_id().hex(), kept["until_boottime_ms"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning(_NONE_READ, path, error)
        return None
    if not of_this_boot:
        return None
    if type(until_ms) is not int or until_ms > clock.boottime_ms() + RELEASE_MS_MAX:
        logger.warning(_NONE_READ, path, f"until_boottime_ms: {until_ms!r}")
        return None
    return until_ms
