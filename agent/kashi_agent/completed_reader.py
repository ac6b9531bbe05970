"""A meter whose batches are completed before they go out: by grants, by facts to judge them by."""

from collections.abc import Callable
from dataclasses import dataclass

from kashi_agent.meter_loop import Reader
from kashi_agent.sample import SampleBatch


@dataclass(frozen=True, slots=True)
class CompletedReader:
    """Reads by `reader`; what it gives goes through the steps in order."""

    reader: Reader
    steps: tuple[Callable[[SampleBatch], SampleBatch], ...]

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Devices that never told their id."""
        return self.reader.unidentified

    def read(self) -> SampleBatch:
        """All devices, now."""
        batch = self.reader.read()
        for complete in self.steps:
            batch = complete(batch)
        return batch

    def close(self) -> None:
        """Let the devices go."""
        self.reader.close()
