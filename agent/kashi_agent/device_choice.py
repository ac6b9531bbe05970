"""Which devices are reported; of the others it is said how many there are, and nothing else.

The host's own setting decides, never an answer of the server: an answer could come late, and what
was measured meanwhile would be there and not there. The count stands in the signed header, so
leaving devices out is itself on record; nothing of a device that is left out is kept.
"""

from dataclasses import dataclass, replace

from kashi_agent.sample import Device, SampleBatch, names_of


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """The hardware ids of the devices that are reported, partitions with their cards; None: all."""

    hardware_ids: frozenset[str] | None = None

    def reports(self, device: Device) -> bool:
        """Whether a device is reported."""
        chosen = self.hardware_ids
        return chosen is None or not chosen.isdisjoint(
            (*names_of(device.hardware_id), device.parent_hardware_id)
        )

    def part(self, batch: SampleBatch) -> tuple[SampleBatch, int]:
        """What is reported of a batch, and how many cards are only counted."""
        if self.hardware_ids is None:
            return batch, 0
        kept = tuple(sample for sample in batch.samples if self.reports(sample.device))
        wholes = (one.device for one in batch.samples if not one.device.parent_hardware_id)
        return replace(batch, samples=kept), sum(not self.reports(card) for card in wholes)


ALL_DEVICES = DeviceChoice()
