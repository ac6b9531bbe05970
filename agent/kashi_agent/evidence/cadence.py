"""How often a meter looks, where that is more rarely than it would unless told."""

from collections.abc import Iterator
from typing import Final

from kashi_agent.evidence.fact import Fact
from kashi_agent.sample import SampleBatch

CADENCE_MS: Final = 1_000
"""Between two samples, unless a meter is told otherwise."""


def cadence_facts(batch: SampleBatch) -> Iterator[Fact]:
    """A fact of the host where its meter looks more rarely: whoever reads its hours should know
    how much of them nobody looked at."""
    cadence_ms = batch.meter.cadence_ms
    if cadence_ms > CADENCE_MS:
        yield Fact(name="cadence", value=f"{cadence_ms} ms")
