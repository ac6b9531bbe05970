"""The form of a report: what cannot be is refused, whatever it is signed with."""

from collections.abc import Callable

import pytest
from fixtures_ingest import ReportingHost
from kashi import limits
from kashi.errors import ContractError
from kashi.v1 import report_pb2
from kashi_server.domain.form import FormBroken
from kashi_server.services.opening import Opened, open_bytes

Header = report_pb2.ReportHeader
Blocks = list[report_pb2.DeviceBlock]
Change = Callable[[Header, Blocks], None]

HOST = "11111111-0000-4000-8000-000000000001"


def opened(change: Change | None = None, gaps: tuple[tuple[int, int], ...] = ()) -> Opened:
    """A report of two devices over five minutes, spoiled by `change`, taken through the door."""
    host = ReportingHost(HOST, ["GPU-a", "GPU-b"])
    wire = host.report(5, gaps=gaps, change=change)
    return open_bytes(wire, host.key.public_key(), HOST)


def test_sound_report_is_opened_and_added_up() -> None:
    """A sound report passes, and its sums are those of its readings and gaps."""
    report = opened(gaps=((10_000, 5_000), (70_000, 60_000)))

    assert report.sums.reading_count == 10
    assert report.facts.counters == report.sums.by_slot
    for observed_ms, gap_ms, *_rest in report.sums.by_slot.values():
        assert (observed_ms, gap_ms) == (300_000 - 65_000, 65_000)


def test_minute_without_observation_needs_no_reading() -> None:
    """A gap that swallows a whole minute stands alone."""
    assert opened(gaps=((60_000, 60_000),)).sums.reading_count == 8


def _drop_reading(_header: Header, blocks: Blocks) -> None:
    del blocks[0].readings[2]


def _double_reading(_header: Header, blocks: Blocks) -> None:
    blocks[0].readings.insert(2, blocks[0].readings[2])


def _cross_minute(_header: Header, blocks: Blocks) -> None:
    first, second = blocks[0].readings[:2]
    first.span_ms = first.observed_ms = 60_001
    second.start_offset_ms += 1
    second.span_ms -= 1
    second.observed_ms -= 1


def _gap_for_nothing(_header: Header, blocks: Blocks) -> None:
    blocks[0].gaps.add(start_offset_ms=0, span_ms=1000, reason=report_pb2.GAP_REASON_AGENT_DOWN)


def _gap_elsewhere(_header: Header, blocks: Blocks) -> None:
    # The sums hold; the minute that lost a second is not the one the gap stands in.
    blocks[0].readings[0].observed_ms -= 1000
    _spoil_parts(blocks[0].readings[0])
    blocks[0].gaps.add(
        start_offset_ms=120_000, span_ms=1000, reason=report_pb2.GAP_REASON_AGENT_DOWN
    )


def _spoil_parts(reading: report_pb2.Reading) -> None:
    reading.held_known_ms = reading.held_ms = reading.observed_ms
    reading.utilisation_known_ms = reading.energy_known_ms = reading.observed_ms
    reading.active_ms = reading.utilised_ns = 0
    del reading.holder_times[:]


def _server_gap(_header: Header, blocks: Blocks) -> None:
    blocks[0].readings.pop()
    blocks[0].gaps.add(start_offset_ms=240_000, span_ms=60_000, reason=report_pb2.GAP_REASON_SILENT)


def _set(name: str, value: int) -> Change:
    def change(_header: Header, blocks: Blocks) -> None:
        setattr(blocks[0].readings[1], name, value)

    return change


def _header_field(name: str, value: object) -> Change:
    def change(header: Header, _blocks: Blocks) -> None:
        setattr(header, name, value)

    return change


def _device_field(name: str, value: object) -> Change:
    def change(_header: Header, blocks: Blocks) -> None:
        setattr(blocks[0].device, name, value)

    return change


def _same_device_twice(_header: Header, blocks: Blocks) -> None:
    blocks[1].device.hardware_id = blocks[0].device.hardware_id


def _same_slot_twice(_header: Header, blocks: Blocks) -> None:
    blocks[1].slot = blocks[0].slot


def _block_beyond(header: Header, _blocks: Blocks) -> None:
    header.end_boottime_ms -= 1


def _part_of_nothing(_header: Header, blocks: Blocks) -> None:
    blocks[0].device.share_denominator = 7


def _holder_unlisted(_header: Header, blocks: Blocks) -> None:
    blocks[0].readings[0].holder_times[0].holder = 5


def _part_above_held(_header: Header, blocks: Blocks) -> None:
    reading = blocks[0].readings[0]
    reading.holder_times[0].share_ms = reading.holder_times[0].held_ms + 1


def _parts_above_held(_header: Header, blocks: Blocks) -> None:
    held_ms = blocks[0].readings[0].held_ms
    del blocks[0].readings[0].holder_times[:]
    blocks[0].holders.add(kind=report_pb2.HOLDER_KIND_USER, key=bytes(16))
    for holder, share_ms in ((0, held_ms), (1, 1)):
        blocks[0].readings[0].holder_times.add(holder=holder, held_ms=held_ms, share_ms=share_ms)


def _many_events(header: Header, _blocks: Blocks) -> None:
    for _ in range(limits.EVENTS_PER_REPORT_MAX + 1):
        header.events.add(boottime_ms=1, kind=report_pb2.HOST_EVENT_KIND_BOOTED)


def _opening_in_epoch_1(header: Header, _blocks: Blocks) -> None:
    header.epoch_opening.reason = report_pb2.EPOCH_REASON_SPOOL_LOST


def _counters_twice(header: Header, _blocks: Blocks) -> None:
    header.counters.append(header.counters[0])


def _clock_sync(header: report_pb2.ReportHeader, _blocks: list[report_pb2.DeviceBlock]) -> None:
    header.clock.MergeFromString(b"\x08\x80\x80\x04")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop_reading, "is not the span"),
        (_double_reading, "overlaps the one before"),
        (_cross_minute, "crosses a minute"),
        (_gap_for_nothing, "is not the span"),
        (_gap_elsewhere, "but observed"),
        (_server_gap, "not a host's to state"),
        (_set("observed_ms", 60_001), "larger than its whole"),
        (_set("held_ms", 60_001), "larger than its whole"),
        (_set("active_ms", 60_001), "larger than its whole"),
        (_set("unattributed_ms", 60_001), "larger than its whole"),
        (_set("energy_mj", 2**50), "larger than its whole"),
        (_set("utilised_ns", 2**63), "larger than its whole"),
        (_header_field("boot_id", b"short"), "boot_id"),
        (_header_field("previous_sha256", b"short"), "previous_sha256"),
        (_header_field("sequence", 0), "sequence"),
        (_header_field("epoch", 0), "epoch"),
        (_header_field("host_id", "somebody-else"), "the caller is"),
        (_header_field("agent_version", "x" * 257), "257 characters"),
        (_header_field("start_boottime_ms", 10**9), "end_boottime_ms"),
        (_device_field("hardware_id", ""), "no hardware id"),
        (_device_field("hardware_id", "GPU-a "), "not printable ASCII"),
        (_device_field("hardware_id", "GPU-\u0430"), "not printable ASCII"),
        (_device_field("hardware_id", "GPU-a\u200b"), "not printable ASCII"),
        (_device_field("parent_hardware_id", "\x1b[2J"), "not printable ASCII"),
        (_device_field("model", "H100\u202e0001"), "cannot be printed"),
        (_device_field("serial", "1\n2"), "cannot be printed"),
        (_header_field("agent_version", "0.1\x1b]0;"), "cannot be printed"),
        (_clock_sync, "clock.sync"),
        (_device_field("share_numerator", 0), "0/1"),
        (_device_field("share_numerator", 2), "2/1"),
        (_device_field("vendor", 9), "vendor 9"),
        (_device_field("memory_bytes", 2**63), "bytes of memory"),
        (_part_of_nothing, "does not name"),
        (_same_device_twice, "one device"),
        (_same_slot_twice, "slot 0"),
        (_block_beyond, "leaves the span"),
        (_holder_unlisted, "holder 5"),
        (_part_above_held, "its part 60001 ms"),
        (_parts_above_held, "add up to 60001 ms of 60000"),
        (_many_events, "1025 events"),
        (_opening_in_epoch_1, "opened by its first report"),
        (_counters_twice, "stand twice"),
        (_header_field("devices_counted_only", 257), "257 counted devices"),
    ],
)
def test_report_that_cannot_be_is_refused(change: Change, said: str) -> None:
    """Each broken field is refused with a sentence that names it."""
    with pytest.raises((FormBroken, ContractError), match=said):
        opened(change)


def test_every_bit_of_a_report_is_bound() -> None:
    """A flipped bit anywhere but in an unknown place is refused, or leaves what is said alone."""
    host = ReportingHost(HOST, ["GPU-a"])
    wire = host.report(1)
    sound = open_bytes(wire, host.key.public_key(), HOST).facts
    refused = 0

    for place in range(len(wire)):
        flipped = bytearray(wire)
        flipped[place] ^= 1 << (place % 8)
        try:
            facts = open_bytes(bytes(flipped), host.key.public_key(), HOST).facts
        except (FormBroken, ContractError):
            refused += 1
        else:
            assert facts == sound

    # What may flip unseen says nothing: the hint of the key, and fields the contract does not know.
    assert refused > len(wire) - 40
