"""`kashi-meter` over the fake Ascend driver, through our own binding."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.dcmi.library import DCMI
from fakes.dcmi.scenario import (
    VDIE,
    Chip,
    Code,
    Process,
    Scenario,
    State,
    Vnpu,
    ascend_310p,
    ascend_910a,
    ascend_910b,
    ascend_950,
    ascend_a3,
)
from fakes.driver.library import compiler
from fakes.driver.scenario import Error, Hang, Lost
from fixtures_meter import BUILD, CADENCE_MS, Meters, boottime_ms, seen_of
from kashi_agent.evidence.library import owner_of
from kashi_agent.meter_link import NoticeKind, Release, Resume
from kashi_agent.meters.dcmi_library import _NAMES, LIBRARIES, DcmiLibrary, DriverGone
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Holder,
    HolderKind,
    MeterKind,
    Observation,
    SampleBatch,
    Vendor,
)

NOT_SUPPORTED = Absent(AbsentReason.NOT_SUPPORTED)
LOST = Absent(AbsentReason.DEVICE_LOST)
OUT_OF_RANGE = Absent(AbsentReason.OUT_OF_RANGE)

POWER = "dcmi_get_device_power_info"
RATE = "dcmi_get_device_utilization_rate"
PROCESSES = "dcmi_get_device_resource_info"
DROPPED = 0x40F8_4E00

NEWER = frozenset(newer for _, newer in _NAMES.values() if newer)


def busy(percent: int, **fields: int) -> tuple[State, ...]:
    """A chip whose parts are all as busy."""
    shown = {"aicore_percent": percent, "vector_percent": percent, "overall_percent": percent}
    return (State(from_ms=0, **{**shown, **fields}),)


def told(batch: SampleBatch, *kinds: DeviceEventKind) -> list[tuple[str, str, int]]:
    """Events of these kinds: device, words, value."""
    return [(e.hardware_id, e.detail, e.value) for e in batch.events if e.kind in kinds]


def dropped(batch: SampleBatch) -> list[str]:
    """What was dropped because it cannot be."""
    return [detail for _, detail, _ in told(batch, DeviceEventKind.VALUE_DROPPED)]


def power_mw(batch: SampleBatch) -> list[int | Absent]:
    """What each device draws."""
    return [seen_of(sample).power_mw for sample in batch.samples]


def test_a_sample_tells_the_scenarios_truth(meters: Meters) -> None:
    """A1: identity, utilisation, memory, holders are the scenario's; energy has no counter and
    power stands in tenths of a watt."""
    shown = (State(from_ms=0, overall_percent=37, used_mb=6_000, power_dw=2_123),)
    chip = ascend_910b(0, states=shown, processes=(Process(pid=os.getpid()),))
    scenario = Scenario(chips=(chip,))
    meter = meters.start(scenario)

    batch = meter.next(SampleBatch)

    (sample,) = batch.samples
    seen = seen_of(sample)
    assert batch.meter.kind is MeterKind.ASCEND
    assert batch.meter.driver_version == scenario.driver
    assert batch.meter.library_version == scenario.library
    assert sample.device.vendor is Vendor.HUAWEI
    assert sample.device.hardware_id == "0140C979-A1040600-F70A8B10-10E02000-00000001"
    assert sample.device.model == "Ascend910B2"
    assert sample.device.serial == chip.serial
    assert sample.device.pci_bus_id == chip.pci
    assert sample.device.memory_bytes == 64 << 30
    assert seen.utilisation_ppm == 370_000
    assert seen.energy_counter_mj == NOT_SUPPORTED
    assert seen.power_mw == 212_300
    assert seen.memory_used_bytes == 6_000 << 20
    assert isinstance(seen.holders, frozenset)
    assert len(seen.holders) == 1


@pytest.mark.parametrize(
    ("chip", "ppm"),
    [
        (ascend_910a(0, states=busy(0, aicore_percent=40)), 400_000),
        (ascend_910b(0, states=busy(0, overall_percent=50)), 500_000),
        (ascend_910b(0, states=busy(0, overall_percent=51), multi=False), 510_000),
        (ascend_910b(0, states=busy(0, aicore_percent=52), multi=False, rates=(2,)), 520_000),
        (ascend_a3(0, states=busy(0, overall_percent=53)), 530_000),
        (ascend_310p(0, states=busy(0, aicore_percent=30, vector_percent=54)), 540_000),
        (ascend_310p(0, states=busy(0, aicore_percent=55, vector_percent=30)), 550_000),
        (ascend_310p(0, states=busy(0, aicore_percent=56), rates=(2,)), 560_000),
        (ascend_910b(0, states=busy(57), multi=False, rates=()), NOT_SUPPORTED),
        (ascend_910a(0, states=busy(90, aicore_percent=41), rates=(2, 13)), 410_000),
        (
            ascend_310p(
                0, states=busy(90, aicore_percent=30, vector_percent=58), rates=(2, 12, 13)
            ),
            580_000,
        ),
    ],
)
def test_utilisation_is_asked_for_by_generation(
    meters: Meters, chip: Chip, ppm: int | Absent
) -> None:
    """A3: overall where the chip tells it, by one call or the other; the AI cores on a 910A; the
    busier of AI and vector cores on a 310P, whatever else their driver would answer; unsupported
    where there is none of these, never 0."""
    meter = meters.start(Scenario(chips=(chip,), card_power_dw=((chip.card, 0, 700),)))

    batch = meter.next(SampleBatch)

    assert seen_of(batch.samples[0]).utilisation_ppm == ppm
    assert dropped(batch) == []


@pytest.mark.parametrize("model", ["910B1", "910B2", "910B3", "910B4"])
def test_every_910b_is_read_alike(meters: Meters, model: str) -> None:
    """Each model of the generation tells utilisation, power of its own and memory."""
    meter = meters.start(Scenario(chips=(ascend_910b(0, model=model, states=busy(12)),)))

    (sample,) = meter.next(SampleBatch).samples

    seen = seen_of(sample)
    assert sample.device.model == f"Ascend{model}"
    assert (seen.utilisation_ppm, seen.power_mw) == (120_000, 101_300)
    assert seen.memory_used_bytes == 3_430 << 20


@pytest.mark.parametrize("percent", [101, 0xEF, 0xFFFF_FFFF])
def test_utilisation_that_cannot_be_is_dropped_and_counted(meters: Meters, percent: int) -> None:
    """A4, S35: 0xEF says that the chip is being profiled; it and all above 100 are absent and
    counted, never clamped; the next value counts again."""
    shown = (State(from_ms=0, aicore_percent=percent), State(from_ms=1_000, aicore_percent=100))
    meter = meters.start(Scenario(chips=(ascend_910a(0, states=shown),)))

    first, second = meter.next(SampleBatch), meter.at(1_000)

    assert seen_of(first.samples[0]).utilisation_ppm == OUT_OF_RANGE
    profiled = " (profiled)" if percent == 0xEF else ""
    assert dropped(first) == [f"utilisation in percent{profiled}: {percent}"]
    assert seen_of(second.samples[0]).utilisation_ppm == 1_000_000


def test_what_is_dropped_again_and_again_is_counted_not_told_each_time(meters: Meters) -> None:
    """A4: an hour of profiling is an event a minute with its count, not an event a second."""
    meter = meters.start(Scenario(chips=(ascend_910a(0, states=busy(0xEF)),)))
    batches = [meter.next(SampleBatch) for _ in range(62)]

    counted = [value for one in batches for *_, value in told(one, DeviceEventKind.VALUE_DROPPED)]

    assert counted == [1, 60]


def test_other_values_that_cannot_be_are_dropped_and_counted(meters: Meters) -> None:
    """A13: markers of "invalid" among power and memory are absent, and each is counted."""
    chips = (
        ascend_910b(0, states=(State(from_ms=0, power_dw=-1),)),
        ascend_910b(1, states=(State(from_ms=0, power_dw=2**31 - 1),)),
        ascend_910b(2, states=(State(from_ms=0, used_mb=2**63),)),
    )
    meter = meters.start(Scenario(chips=chips))

    batch = meter.next(SampleBatch)

    seen = [seen_of(sample) for sample in batch.samples]
    assert [one.power_mw for one in seen] == [OUT_OF_RANGE, OUT_OF_RANGE, 101_300]
    assert seen[2].memory_used_bytes == OUT_OF_RANGE
    assert dropped(batch) == [
        "power in tenths of a watt: -1",
        "power in tenths of a watt: 2147483647",
        f"memory in MB: {2**63}",
    ]


def test_a_size_that_must_be_in_other_units_is_not_told(meters: Meters) -> None:
    """A driver that counts memory in KB where it should count MB is not believed."""
    meter = meters.start(Scenario(chips=(ascend_910b(0, memory_mb=64 << 20),)))

    assert meter.next(SampleBatch).samples[0].device.memory_bytes == 0


def test_the_power_of_a_card_with_two_dies_is_counted_once(meters: Meters) -> None:
    """A2, S31: an A3 card tells its power with its first die; the dies share it equally, the
    milliwatt over goes to the first, and their sum is the card's to the milliwatt."""
    shown = (State(from_ms=0, power_dw=9_491), State(from_ms=1_000, power_dw=3))
    scenario = Scenario(chips=tuple(ascend_a3(number, states=shown) for number in range(4)))
    meter = meters.start(scenario)

    first, second = meter.next(SampleBatch), meter.at(1_000)

    assert power_mw(first) == [474_550] * 4
    assert power_mw(second) == [150, 150, 150, 150]
    assert len({sample.device.hardware_id for sample in first.samples}) == 4


def test_two_dies_that_both_tell_the_cards_power_are_not_added_up(meters: Meters) -> None:
    """A2: whatever the second die of an A3 card says, it is the same power."""
    chips = tuple(
        replace(ascend_a3(number), states=(State(from_ms=0, power_dw=9_000),)) for number in (0, 1)
    )
    meter = meters.start(Scenario(chips=chips))

    assert power_mw(meter.next(SampleBatch)) == [450_000, 450_000]


def test_the_power_of_a_310p_card_is_its_controllers(meters: Meters) -> None:
    """A1, S32: chips of a 310P card have no power of their own; they share what the card's
    controller tells, and where it tells nothing it is unsupported, never 0."""
    chips = tuple(ascend_310p(number) for number in range(4))
    scenario = Scenario(chips=chips, card_power_dw=((4, 0, 715),))
    meter = meters.start(scenario)

    assert power_mw(meter.next(SampleBatch)) == [35_750, 35_750, NOT_SUPPORTED, NOT_SUPPORTED]


def test_the_power_of_an_unknown_card_with_two_chips_is_not_guessed(meters: Meters) -> None:
    """Whose power an unknown generation tells is unknown where it can be the card's."""
    alone = ascend_910b(0, name="999X")
    pair = tuple(ascend_910b(n, name="999X", card=7, place=n - 1) for n in (1, 2))
    meter = meters.start(Scenario(chips=(alone, *pair)))

    assert power_mw(meter.next(SampleBatch)) == [101_300, NOT_SUPPORTED, NOT_SUPPORTED]


def test_a_lost_die_takes_its_part_of_the_cards_power_along(meters: Meters) -> None:
    """A2: while one die is lost, the other's part of the card's power stays what it was."""
    scenario = Scenario(chips=(ascend_a3(0), ascend_a3(1)), losses=(Lost(device=1, from_ms=1_000),))
    meter = meters.start(scenario)

    before, during = meter.next(SampleBatch), meter.at(1_000)

    assert seen_of(before.samples[0]).power_mw == 50_650
    assert seen_of(during.samples[0]).power_mw == 50_650
    assert during.samples[1].seen == LOST


def test_thirty_two_processes_are_all_read(meters: Meters) -> None:
    """A5, A11, S34: the driver lists 32 processes and writes them unasked; there is room for them,
    each is a holder, and of the 33rd it is said that it would not be seen."""
    processes = tuple(Process(pid=4_000_000 + number) for number in range(33))
    chips = (ascend_910b(0, processes=processes[:31]), ascend_910b(1, processes=processes))
    meter = meters.start(Scenario(chips=chips))

    batch, later = meter.next(SampleBatch), meter.since(1_000)

    held = [seen_of(sample).holders for sample in batch.samples]
    assert [len(holders) for holders in held if isinstance(holders, frozenset)] == [31, 32]
    assert dropped(batch) == ["processes: as many listed as can be, more would not be: 32"]
    assert [dropped(one) for one in later] == [[]] * len(later)


def test_a_chip_is_held_while_a_process_is_listed(meters: Meters) -> None:
    """Holders come and go with the driver's list; a refused list is unknown, not empty."""
    chip = ascend_910b(0, processes=(Process(pid=os.getpid(), from_ms=1_000, to_ms=2_000),))
    error = Error(call=PROCESSES, code=-8002, from_ms=3_000)
    meter = meters.start(Scenario(chips=(chip,), errors=(error,)))

    held = [seen_of(meter.at(now_ms).samples[0]).holders for now_ms in (999, 1_000, 2_000, 3_000)]

    assert [len(one) if isinstance(one, frozenset) else one for one in held] == [
        0,
        1,
        0,
        Absent(AbsentReason.NO_PERMISSION),
    ]


def test_partitions_are_devices_of_their_own_with_their_share(meters: Meters) -> None:
    """A6, S33: a vNPU has its part of the cores as an exact share, its utilisation and the
    container that has it; of the split chip nobody listed does not mean nobody."""
    vnpus = (Vnpu(number=100, aic=4, percent=61, container=0x8FC8F8C8DEE7), Vnpu(number=101, aic=2))
    chip = ascend_310p(0, vnpus=vnpus)
    meter = meters.start(Scenario(chips=(chip,), card_power_dw=((4, 0, 700),)))

    batch = meter.next(SampleBatch)

    whole, half, quarter = batch.samples
    assert [(s.device.share_numerator, s.device.share_denominator) for s in batch.samples] == [
        (1, 1),
        (1, 2),
        (1, 4),
    ]
    assert half.device.hardware_id == f"{chip.die_id}.vnpu100-1of2"
    assert half.device.parent_hardware_id == quarter.device.parent_hardware_id == chip.die_id
    assert half.device.memory_bytes == 12_000 << 20
    assert seen_of(whole).holders == NOT_SUPPORTED
    assert seen_of(half).utilisation_ppm == 610_000
    assert seen_of(half).holders == frozenset({Holder(HolderKind.GRANT, "container 8fc8f8c8dee7")})
    assert seen_of(half).power_mw == NOT_SUPPORTED
    assert seen_of(quarter).holders == NOT_SUPPORTED


def test_a_partition_whose_activity_is_for_root_only_is_observed_all_the_same(
    meters: Meters,
) -> None:
    """A6: that a partition is there is an observation; what it does is absent with its reason."""
    chip = ascend_310p(0, vnpus=(Vnpu(number=100),))
    other = ascend_910b(1, aic=24, vnpus=(Vnpu(number=101, aic=12),))
    meter = meters.start(Scenario(chips=(chip, other)))

    samples = {s.device.hardware_id: s for s in meter.next(SampleBatch).samples}

    seen = seen_of(samples[f"{other.die_id}.vnpu101-1of2"])
    assert (seen.utilisation_ppm, seen.holders) == (NOT_SUPPORTED, NOT_SUPPORTED)


def test_a_partition_without_a_share_is_told_of_and_never_taken_for_a_whole(
    meters: Meters,
) -> None:
    """A share the driver does not tell makes no device: the agent hears of the partition."""
    chip = ascend_310p(0, vnpus=(Vnpu(number=100, aic=0), Vnpu(number=101, aic=9)))
    meter = meters.start(Scenario(chips=(chip,)))

    notice = meter.notice(NoticeKind.UNIDENTIFIED)
    batch = meter.next(SampleBatch)

    assert [sample.device.hardware_id for sample in batch.samples] == [chip.die_id]
    assert seen_of(batch.samples[0]).holders == NOT_SUPPORTED
    assert notice.detail == (
        f"{chip.die_id} 的 vNPU 100：份额未告知；{chip.die_id} 的 vNPU 101：份额未告知。"
        f"vNPU 100 of {chip.die_id}: share not told; vNPU 101 of {chip.die_id}: share not told"
    )


def test_a_chip_that_is_split_anew_has_other_partitions(meters: Meters) -> None:
    """The driver uses a partition's number again: with another share it is another device."""
    vnpus = (
        Vnpu(number=100, aic=4, to_ms=1_000),
        Vnpu(number=100, aic=2, from_ms=1_000),
    )
    chip = ascend_310p(0, vnpus=vnpus)
    meter = meters.start(Scenario(chips=(chip,)))
    before = meter.next(SampleBatch)

    batches = meter.since(1_000)
    while (
        len(batches[-1].samples) != 2 or batches[-1].samples[1].device == before.samples[1].device
    ):
        batches.append(meter.next(SampleBatch))
    batch = batches[-1]
    events = [event for one in batches for event in one.events]

    assert batch.samples[1].device.hardware_id == f"{chip.die_id}.vnpu100-1of4"
    kinds = {(event.hardware_id, event.kind) for event in events}
    assert (f"{chip.die_id}.vnpu100-1of2", DeviceEventKind.VANISHED) in kinds
    assert (chip.die_id, DeviceEventKind.PARTITIONED) in kinds


def test_partitions_untold_after_the_meter_began_anew_are_named_as_such(meters: Meters) -> None:
    """L8: a new process to which the driver refuses the list of a chip's vNPUs says which chip's it
    was not told, asks again at once, and shows them as soon as they are told."""
    chip = ascend_310p(0, vnpus=(Vnpu(number=100, aic=4),))
    refused = Error(call="dcmi_get_device_info", code=-8009, device=0, from_ms=1_000, to_ms=2_000)
    meter = meters.start(Scenario(chips=(chip, ascend_310p(1)), errors=(refused,)))
    before = meter.next(SampleBatch)

    meter.ask(Release(duration_ms=60_000))
    meter.gone()
    meter.control.now_ms = 1_000
    meter.reconnected()
    untold = [meter.next(SampleBatch) for _ in range(3)]
    meter.control.now_ms = 2_000
    after = [meter.next(SampleBatch) for _ in range(12)]

    assert len(before.samples) == 3
    assert before.untold == ()
    for batch in untold:
        assert [sample.device.hardware_id for sample in batch.samples] == [
            chip.die_id,
            ascend_310p(1).die_id,
        ]
        assert batch.untold == (chip.die_id,)
    assert len(after[-1].samples) == 3
    assert after[-1].untold == ()


def test_a_partition_that_is_not_told_of_for_a_moment_stays(meters: Meters) -> None:
    """L8: a call that fails takes no vNPU away: it is a gap until the driver tells of it again, and
    nothing is told as split anew."""
    chip = ascend_310p(0, vnpus=(Vnpu(number=100, aic=4),))
    refused = Error(call="dcmi_get_device_info", code=-8009, device=0, from_ms=1_000, to_ms=2_000)
    meter = meters.start(Scenario(chips=(chip, ascend_310p(1)), errors=(refused,)))
    meter.next(SampleBatch)

    meter.control.now_ms = 1_000
    failing = [meter.next(SampleBatch) for _ in range(15)]
    after = [*meter.since(2_000), *(meter.next(SampleBatch) for _ in range(12))]

    for batch in (*failing, *after):
        assert len(batch.samples) == 3
        assert told(batch, DeviceEventKind.VANISHED) == []
    part = failing[-1].samples[-1]
    assert part.device.parent_hardware_id == chip.die_id
    assert part.seen == Absent(AbsentReason.DRIVER_ERROR)
    assert failing[-1].untold == (chip.die_id,)
    assert isinstance(after[-1].samples[-1].seen, Observation)
    assert after[-1].untold == ()


def test_health_and_faults_are_told_when_they_change(meters: Meters) -> None:
    """A14: the grade is told when it changes, as the driver's number; a fault's code when it
    begins and when it ends, each once."""
    shown = tuple(State(from_ms=at, health=health) for at, health in ((0, 0), (1_000, 2)))
    codes = (Code(code=0x80E0_1801, from_ms=1_000, to_ms=2_000), Code(code=0x8C04_5000))
    chip = ascend_910b(0, states=shown, codes=codes)
    meter = meters.start(Scenario(chips=(chip,)))
    kinds = (DeviceEventKind.HEALTH, DeviceEventKind.FAULT)

    def heard(now_ms: int) -> list[tuple[str, int]]:
        batches = [*meter.since(now_ms), *(meter.next(SampleBatch) for _ in range(11))]
        return [(words, value) for one in batches for _, words, value in told(one, *kinds)]

    begun = [(words, value) for _, words, value in told(meter.next(SampleBatch), *kinds)]

    assert begun == [("began: 0x8C045000", 0x8C04_5000)]
    assert heard(1_000) == [("health 0x2", 2), ("began: 0x80E01801", 0x80E0_1801)]
    assert heard(2_000) == [("ended: 0x80E01801", 0x80E0_1801)]


def test_a_dropped_card_is_lost_and_its_fault_told(meters: Meters) -> None:
    """A7, S36: a card that answers -8012 is lost while it does, with the vendor's code for a drop,
    and it stops no other; when it is back it is seen, and the fault has ended."""
    chips = tuple(ascend_910b(number) for number in range(4))
    scenario = Scenario(chips=chips, losses=(Lost(device=1, from_ms=1_000, to_ms=2_000),))
    meter = meters.start(scenario)
    fault = DeviceEventKind.FAULT

    before, during, after = [meter.next(SampleBatch)], meter.since(1_000), meter.since(2_000)

    for batches, lost in ((before, False), (during, True), (after, False)):
        assert [sample.seen == LOST for sample in batches[-1].samples] == [
            False,
            lost,
            False,
            False,
        ]
    assert [one for batch in before for one in told(batch, fault)] == []
    assert [one for batch in during for one in told(batch, fault)] == [
        (chips[1].die_id, "began: 0x40F84E00", DROPPED)
    ]
    assert [one for batch in after for one in told(batch, fault)] == [
        (chips[1].die_id, "ended: 0x40F84E00", DROPPED)
    ]


def test_a_card_that_does_not_tell_its_chips_any_more_keeps_them(meters: Meters) -> None:
    """A7: how many chips a card has may be refused while they answer: they stay what they were."""
    refused = Error(call="dcmi_get_device_num_in_card", code=-8012, from_ms=1_000)
    meter = meters.start(Scenario(chips=(ascend_a3(0), ascend_a3(1)), errors=(refused,)))
    meter.next(SampleBatch)
    meter.at(1_000)

    later = [meter.next(SampleBatch) for _ in range(62)][-1]

    assert power_mw(later) == [50_650, 50_650]


def test_a_chip_that_never_told_its_id_is_told_of(meters: Meters) -> None:
    """A chip lost before the meter began cannot be sampled; nor can two with one id."""
    twin = replace(ascend_910b(2), die=ascend_910b(0).die)
    nameless = ascend_910b(3, die=(0, 0, 0, 0, 0))
    scenario = Scenario(
        chips=(ascend_910b(0), ascend_910b(1), twin, nameless), losses=(Lost(device=1),)
    )
    meter = meters.start(scenario)

    notice = meter.notice(NoticeKind.UNIDENTIFIED)
    batch = meter.next(SampleBatch)

    assert [sample.device.hardware_id for sample in batch.samples] == [ascend_910b(0).die_id]
    assert notice.detail == (
        f"卡 1 芯片 0：设备失联；卡 2 芯片 0：标识与另一芯片相同：{twin.die_id}；"
        "卡 3 芯片 0：未找到。"
        f"card 1 chip 0: device_lost; card 2 chip 0: the same id as another: {twin.die_id}; "
        "card 3 chip 0: not_found"
    )


def test_chips_are_known_by_their_die_wherever_they_are_counted(meters: Meters) -> None:
    """A8, A9, S37: card numbers with holes and ids that differ in every way; a die id is five words
    of eight digits, and the same in another run that counts the chips in another order."""
    dies = ((0x140C979, 0, 0x8B10, 7, 1), (0xF, 0xA1040600, 0, 0, 0xFFFFFFFF))
    first = ascend_910b(0, card=4, logic=1, physical=6, die=dies[0])
    second = ascend_910b(1, card=9, logic=0, physical=2, die=dies[1])
    swapped = (replace(first, card=0), replace(second, card=3))
    ids = [
        "0140C979-00000000-00008B10-00000007-00000001",
        "0000000F-A1040600-00000000-00000000-FFFFFFFF",
    ]

    runs = [
        [s.device.hardware_id for s in meters.start(scenario).next(SampleBatch).samples]
        for scenario in (Scenario(chips=(first, second)), Scenario(chips=swapped[::-1]))
    ]

    assert runs == [ids, ids[::-1]]


def test_a_cards_controller_is_no_accelerator(meters: Meters) -> None:
    """A8: a card counts its controller among its chips; it is left out."""
    controller = ascend_a3(2, card=0, place=2, unit=1)
    meter = meters.start(Scenario(chips=(ascend_a3(0), ascend_a3(1), controller)))

    batch = meter.next(SampleBatch)

    assert len(batch.samples) == 2
    assert power_mw(batch) == [50_650, 50_650]


def test_a_driver_with_the_older_entry_points_only_is_read(meters: Meters) -> None:
    """A10, S29: a library without any of the newer functions answers by the older ones; older
    still, it tells the die and the chip by the oldest."""
    oldest = frozenset({"dcmi_get_device_die_v2", "dcmi_get_device_chip_info_v2"})
    chip = ascend_910a(0, states=busy(9))

    for without in (NEWER, NEWER | oldest):
        meter = meters.start(Scenario(chips=(chip,)), without=without)
        (sample,) = meter.next(SampleBatch).samples
        assert sample.device.hardware_id == chip.die_id
        assert sample.device.model == "Ascend910A"
        assert seen_of(sample).utilisation_ppm == 90_000


def test_a_die_that_is_refused_for_the_moment_is_not_sought_elsewhere(meters: Meters) -> None:
    """A9: a chip that does not tell its id now gets none, rather than another one than tomorrow."""
    call = "dcmiv2_get_device_die_id"
    busy_now = Error(call=call, code=-8020, device=1)
    odd = replace(ascend_950(2), die_type=VDIE)
    chips = (ascend_950(0), ascend_950(1), odd)
    meter = meters.start(Scenario(chips=chips, api=2, errors=(busy_now,)))

    notice = meter.notice(NoticeKind.UNIDENTIFIED)
    batch = meter.next(SampleBatch)

    assert notice.detail == "芯片 1：未就绪。chip 1: not_ready"
    assert [s.device.hardware_id for s in batch.samples] == [chips[0].die_id, odd.die_id]


@pytest.mark.parametrize("call", ["dcmi_get_device_chip_info_v2", "dcmi_get_device_board_info"])
def test_a_chip_that_does_not_say_what_it_is_for_the_moment_is_met_later(
    meters: Meters, call: str
) -> None:
    """A chip is described once, and right: its model must not be another one tomorrow, nor its
    card's power be counted by the rules of another generation."""
    refused = Error(call=call, code=-8006, device=0, to_ms=1_000)
    meter = meters.start(Scenario(chips=(ascend_a3(0), ascend_a3(1)), errors=(refused,)))

    notice = meter.notice(NoticeKind.UNIDENTIFIED)
    batch = meter.at(1_000)
    while len(batch.samples) < 2:
        batch = meter.next(SampleBatch)

    assert notice.detail == "卡 0 芯片 0：驱动出错。card 0 chip 0: driver_error"
    assert {sample.device.model for sample in batch.samples} == {"Ascend910"}
    assert power_mw(batch) == [50_650, 50_650]


def test_a_driver_with_the_newer_entry_points_only_is_read(meters: Meters) -> None:
    """A9, A10, S30: a driver that refuses every older function answers by the newer ones, and tells
    its chips' ids by another die; one chip or several, the list is read right."""
    chips = tuple(ascend_950(number, states=busy(20 + number)) for number in range(2))
    lone = ascend_950(1, processes=(Process(pid=os.getpid()),))

    pair = meters.start(Scenario(chips=chips, api=2)).next(SampleBatch)
    alone = meters.start(Scenario(chips=(lone,), api=2)).next(SampleBatch)

    assert [s.device.hardware_id for s in pair.samples] == [chip.die_id for chip in chips]
    assert [seen_of(s).utilisation_ppm for s in pair.samples] == [200_000, 210_000]
    assert pair.meter.driver_version == ""
    assert [s.device.hardware_id for s in alone.samples] == [lone.die_id]
    assert seen_of(alone.samples[0]).power_mw == 101_300
    assert len(seen_of(alone.samples[0]).holders) == 1  # type: ignore[arg-type]  # not absent


def test_the_library_is_looked_for_in_order(tmp_path: Path) -> None:
    """A12: every place is tried until one has the library; where none has, each says why."""
    if compiler() is None:
        pytest.skip("no C compiler: install gcc")
    folder = DCMI.built(BUILD)
    scenario = Scenario(chips=(), api=2).write(tmp_path / "scenario", start_boottime_ms=0)
    script = "from kashi_agent.meters.dcmi_library import DcmiLibrary as L; import sys"
    places = ["/nowhere/libdcmi.so", str(folder / DCMI.soname)]

    done = subprocess.run(
        [sys.executable, "-c", f"{script}; print(L(sys.argv[1:]).api)", *places],
        env={**os.environ, DCMI.variable: str(scenario)},
        capture_output=True,
        text=True,
        check=True,
    )
    with pytest.raises(DriverGone, match=r"/nowhere/a\.so: .*; /nowhere/b\.so: "):
        DcmiLibrary(("/nowhere/a.so", "/nowhere/b.so"))

    assert done.stdout.strip() == "2"
    assert LIBRARIES[0] == DCMI.soname


@pytest.mark.parametrize("logic", [(0,), (1,), (0, 1, 2), (1, 3)])
@pytest.mark.parametrize("flags", [(), ("-DCOUNT_FIRST",)])
def test_the_newer_list_of_chips_is_read_in_either_order(
    tmp_path: Path, flags: tuple[str, ...], logic: tuple[int, ...]
) -> None:
    """A10: the vendor's header has the list before its length, a program of the vendor's the other
    way round; whichever a library does, no byte lands beside its place and the list is right."""
    if compiler() is None:
        pytest.skip("no C compiler: install gcc")
    chips = tuple(ascend_950(number, logic=one) for number, one in enumerate(logic))
    scenario = Scenario(chips=chips, api=2).write(tmp_path / "scenario", start_boottime_ms=0)
    library = DCMI.built(BUILD, flags=flags) / DCMI.soname
    script = (
        "from kashi_agent.meters.dcmi import DcmiDriver; import sys;"
        "from kashi_agent.meters.dcmi_library import DcmiLibrary;"
        "print(DcmiDriver(DcmiLibrary(sys.argv[1:])).places())"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(library)],
        env={**os.environ, DCMI.variable: str(scenario)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(([(one,) for one in logic], []))


def test_a_library_that_is_something_else_is_told_of(meters: Meters) -> None:
    """A library with neither of the two ways to begin is no driver, and the agent hears why."""
    scenario = Scenario(chips=(ascend_910b(0),))
    meter = meters.start(scenario, without=frozenset({"dcmi_init", "dcmiv2_init"}))

    notice = meter.notice(NoticeKind.DRIVER)

    assert notice.detail == (
        "libdcmi.so 拒绝启动。"
        "libdcmi.so refuses to begin (dcmi_init: code -99998; dcmiv2_init: code -99998)"
    )


def test_a_driver_that_refuses_at_the_start_is_met_again(meters: Meters) -> None:
    """A7: a refused initialisation (a second user in a container: -8005) is told of with its code,
    and a new process tries again."""
    refusal = Error(call="dcmi_init", code=-8005, to_ms=1_000)
    meter = meters.start(Scenario(chips=(ascend_910b(0),), errors=(refusal,)))
    notice = meter.notice(NoticeKind.DRIVER)
    meter.control.now_ms = 1_000

    hello = meter.begun_anew()

    assert "dcmi_init: code -8005" in notice.detail
    assert hello.kind is MeterKind.ASCEND
    assert len(meter.next(SampleBatch).samples) == 1


def test_a_list_of_cards_that_fails_is_the_whole_driver(meters: Meters) -> None:
    """Where the driver lists nothing at all, the meter begins anew instead of seeing no device."""
    refusal = Error(call="dcmi_get_card_list", code=-8009, to_ms=1_000)
    meter = meters.start(Scenario(chips=(ascend_910b(0),), errors=(refusal,)))

    assert "dcmi_get_card_list: code -8009" in meter.notice(NoticeKind.DRIVER).detail


def test_a_session_in_which_everything_fails_is_begun_anew(meters: Meters) -> None:
    """Ten looks on end that bring nothing but errors: a new process."""
    failing = Error(call="*", code=-8009, device=0, from_ms=1_000)
    meter = meters.start(Scenario(chips=(ascend_910b(0),), errors=(failing,)))
    meter.next(SampleBatch)
    meter.control.now_ms = 1_000

    told = "对所有芯片的调用都失败。Every call on every chip fails"
    assert meter.notice(NoticeKind.DRIVER).detail == told


def test_every_value_is_absent_for_its_own_reason(meters: Meters) -> None:
    """Each code on one call of one chip leaves the other values and chips whole."""
    codes = {
        -8002: AbsentReason.NO_PERMISSION,
        -8006: AbsentReason.DRIVER_ERROR,
        -8017: AbsentReason.NOT_READY,
        -8255: AbsentReason.NOT_SUPPORTED,
    }
    errors = tuple(Error(call=POWER, code=code, device=n) for n, code in enumerate(codes))
    chips = tuple(ascend_910b(number, states=busy(5)) for number in range(len(codes)))
    meter = meters.start(Scenario(chips=chips, errors=errors))

    samples = meter.next(SampleBatch).samples

    assert [seen_of(s).power_mw for s in samples] == [Absent(reason) for reason in codes.values()]
    assert {seen_of(s).utilisation_ppm for s in samples} == {50_000}


@pytest.mark.parametrize("code", [-8001, -8003, -8006, -8009, -8012, -8017, -8020, -8255, 5])
def test_no_refusal_of_one_call_on_one_chip_touches_another(meters: Meters, code: int) -> None:
    """A7: whatever a single call answers, while it does and when it does no longer, every other
    chip shows what it showed, and the meter goes on."""
    calls = [older for older, newer in _NAMES.values() if older and newer and "init" not in older]
    chips = tuple(ascend_910b(n, states=busy(7)) for n in range(len(calls) + 1))
    errors = tuple(
        Error(call=call, code=code, device=n, from_ms=1_000, to_ms=2_000)
        for n, call in enumerate(calls)
    )
    meter = meters.start(Scenario(chips=chips, errors=errors))
    before = meter.next(SampleBatch)

    during, after = meter.since(1_000), meter.since(2_000)

    whole = seen_of(before.samples[-1])
    for batch in (*during, *after):
        assert [s.device for s in batch.samples] == [s.device for s in before.samples]
        last = seen_of(batch.samples[-1])
        assert (last.utilisation_ppm, last.power_mw) == (whole.utilisation_ppm, whole.power_mw)
    assert {seen_of(s).utilisation_ppm for s in after[-1].samples} == {70_000}
    assert {seen_of(s).power_mw for s in after[-1].samples} == {101_300}


def test_a_chip_that_refuses_everything_is_absent_as_a_whole(meters: Meters) -> None:
    """A chip that answers nothing was not observed, and its sample says why."""
    refused = Error(call="*", code=-8002, device=1, from_ms=1_000)
    meter = meters.start(Scenario(chips=(ascend_910b(0), ascend_910b(1)), errors=(refused,)))
    meter.next(SampleBatch)

    batch = meter.at(1_000)

    assert batch.samples[1].seen == Absent(AbsentReason.NO_PERMISSION)
    assert isinstance(batch.samples[0].seen, Observation)


def test_a_hanging_call_is_named_and_waited_for(meters: Meters) -> None:
    """A call that does not return is told by name; when it returns, a new process goes on."""
    hang = Hang(call=RATE, from_ms=1_000, to_ms=2_000)
    meter = meters.start(Scenario(chips=(ascend_910a(0),), hangs=(hang,)))
    meter.next(SampleBatch)
    meter.control.now_ms = 1_000

    assert meter.notice(NoticeKind.HUNG).detail == RATE
    meter.control.now_ms = 2_000
    meter.notice(NoticeKind.ANSWERED)
    meter.begun_anew()
    assert len(meter.next(SampleBatch).samples) == 1


def test_chips_are_released_by_a_process_that_never_opened_the_library(meters: Meters) -> None:
    """A12: DCMI has no shutdown, so a new process takes the old one's place and leaves the chips
    alone until it is told to read."""
    meter = meters.start(Scenario(chips=(ascend_910b(0),)))
    meter.next(SampleBatch)

    meter.ask(Release(duration_ms=60_000))
    hello = meter.met()
    meter.ask(Release(duration_ms=60_000))
    meter.notice(NoticeKind.RELEASED)
    meter.ask(Resume())

    assert hello.kind is MeterKind.ASCEND
    assert len(meter.next(SampleBatch).samples) == 1


def test_the_loaded_driver_says_what_is_read(meters: Meters, tmp_path: Path) -> None:
    """Without a word in the settings, a host with the Ascend driver's device is read as one."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/davinci_manager").touch()
    chosen = ("--meter", "auto", "--root", str(tmp_path))

    batch = meters.start(Scenario(chips=(ascend_910b(0),)), *chosen).next(SampleBatch)

    assert batch.meter.kind is MeterKind.ASCEND


def test_the_library_and_who_could_have_put_it_there_are_told(meters: Meters) -> None:
    """The library that is really mapped, its digest, and whether it is root's alone all the way."""
    meter = meters.start(Scenario(chips=(ascend_910b(0),)))

    facts = [words for _, words, _ in told(meter.next(SampleBatch), DeviceEventKind.FACT)]

    (path,) = (fact[13:] for fact in facts if fact.startswith("library_path="))
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert Path(path).name == DCMI.soname
    assert f"library_sha256={digest}" in facts
    assert f"library_owner={owner_of(Path('/'), path)}" in facts


def test_integrated_power_is_the_scenarios_energy_to_one_cadence_an_edge(meters: Meters) -> None:
    """A1: over real seconds the power told at each tick adds up to the scenario's energy."""
    shown = (
        State(from_ms=0, power_dw=1_000),
        State(from_ms=1_050, power_dw=6_000),
        State(from_ms=2_050, power_dw=2_000),
    )
    scenario = Scenario(chips=(ascend_910b(0, states=shown),))
    start_ms = (boottime_ms() // CADENCE_MS + 5) * CADENCE_MS
    meter = meters.start(scenario, start_boottime_ms=start_ms)
    batches = [meter.next(SampleBatch)]
    while batches[-1].boottime_ms < start_ms + 3_000:
        batches.append(meter.next(SampleBatch))
    batches = [batch for batch in batches if batch.boottime_ms >= start_ms]

    energy_uj = sum(
        (after.boottime_ms - before.boottime_ms) * power
        for before, after in pairwise(batches)
        if isinstance(power := seen_of(before.samples[0]).power_mw, int)
    )

    from_ms, to_ms = (batches[end].boottime_ms - start_ms for end in (0, -1))
    truth_uj = scenario.truth(0, from_ms, to_ms).energy_uj
    assert abs(energy_uj - truth_uj) <= 2 * (CADENCE_MS + 60) * 500_000
