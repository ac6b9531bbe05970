"""kill -9, three hundred times on one host: real processes and files, an injected clock."""

import tempfile
from pathlib import Path

from kills import FLUSH_MS, killed

KILLS = 300


def test_three_hundred_kills_lose_only_what_is_said() -> None:
    """Whatever they interrupt (a write, a seal, a call, a start), the server's books are true: time
    is tiled once, observed is what the meter said, gaps are the kills' own, no epoch is opened."""
    # Not tmp_path: a Unix socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="kashi-kills-") as folder:
        toll = killed(KILLS, Path(folder), seed=300)

    assert toll.kills == KILLS
    assert toll.during_calls == KILLS // 10
    assert toll.reports >= KILLS // 10, "hardly anything was sealed between the kills"
    assert toll.lost_ms_max <= FLUSH_MS
