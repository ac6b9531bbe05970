"""Why it is not known who holds devices: on record beside the figures it leaves unknown."""

from collections.abc import Iterator
from typing import Final

from kashi_agent.evidence.fact import Fact
from kashi_agent.sample import Absent, AbsentReason, Observation, SampleBatch

_OF_THE_HOST: Final = (AbsentReason.FOREIGN_PID_NAMESPACE, AbsentReason.SCHEDULER_UNREAD)
"""Reasons that lie in how the host is set up, not in a device."""


def holder_facts(batch: SampleBatch) -> Iterator[Fact]:
    """One fact of the host: holders are known, or why not, by what its devices say now."""
    reasons = {
        sample.seen.holders.reason
        for sample in batch.samples
        if isinstance(sample.seen, Observation) and isinstance(sample.seen.holders, Absent)
    }
    said = next((reason for reason in _OF_THE_HOST if reason in reasons), None)
    yield Fact(name="holders", value="known" if said is None else Absent(said))
