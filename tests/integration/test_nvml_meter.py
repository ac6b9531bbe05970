"""`kashi-meter` over the fake driver, through the vendor's real binding."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.nvml.scenario import (
    Device,
    Error,
    Lost,
    Partition,
    Process,
    ProcessKind,
    Scenario,
    State,
)
from fixtures_meter import WAIT_SECONDS, Meters, seen_of
from kashi_agent.integrator import Integrator
from kashi_agent.meter_link import NoticeKind
from kashi_agent.meters.nvml_codes import DRIVER_GONE, SESSION_OVER, absent_for
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import DeviceEventKind, Segment
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    DeviceEvent,
    HolderKind,
    MeterKind,
    SampleBatch,
    Vendor,
)

NOT_SUPPORTED = Absent(AbsentReason.NOT_SUPPORTED)
LOST = Absent(AbsentReason.DEVICE_LOST)

UTILISATION = "nvmlDeviceGetUtilizationRates"
ENERGY = "nvmlDeviceGetTotalEnergyConsumption"
COMPUTE = "nvmlDeviceGetComputeRunningProcesses_v3"


def card(number: int, **fields: object) -> Device:
    """A device of its own id and place."""
    return Device(
        uuid=f"GPU-{number:08x}-0000-4000-8000-000000000000",
        pci=f"00000000:{0x17 + number:02X}:00.0",
        minor=number,
        **fields,  # type: ignore[arg-type]  # passed on as they are
    )


def kinds(batch: SampleBatch) -> list[tuple[str, int, int]]:
    """Events of a batch but facts: device, kind and value."""
    return [
        (event.hardware_id, event.kind, event.value)
        for event in batch.events
        if event.kind != DeviceEventKind.FACT
    ]


def test_a_sample_tells_the_scenarios_truth(meters: Meters) -> None:
    """Identity, utilisation, energy, memory and holders are what the scenario says, exactly."""
    mine = Process(pid=os.getpid(), used_bytes=5 << 30)
    device = card(
        0,
        name="NVIDIA A100-SXM4-80GB",
        serial="1650522001234",
        memory_bytes=85_899_345_920,
        architecture=7,
        states=(State(from_ms=0, gpu_percent=37, used_bytes=6 << 30, power_mw=212_345),),
        processes=(mine,),
    )
    scenario = Scenario(devices=(device,))
    meter = meters.start(scenario, now_ms=10_000)

    batch = meter.next(SampleBatch)

    (sample,) = batch.samples
    seen = seen_of(sample)
    assert batch.meter.kind is MeterKind.NVML
    assert batch.meter.driver_version == scenario.driver
    assert batch.meter.library_version == scenario.library
    assert sample.device.vendor is Vendor.NVIDIA
    assert sample.device.hardware_id == device.uuid
    assert sample.device.model == device.name
    assert sample.device.serial == device.serial
    assert sample.device.pci_bus_id == device.pci
    assert sample.device.memory_bytes == device.memory_bytes
    assert seen.utilisation_ppm == 370_000
    assert seen.energy_counter_mj == scenario.truth(0, 0, 10_000).energy_uj // 1_000
    assert seen.memory_used_bytes == 6 << 30
    assert isinstance(seen.holders, frozenset)
    assert len(seen.holders) == 1


def test_values_follow_the_scenario_over_time(meters: Meters) -> None:
    """At every stepped instant utilisation is the state's and energy the exact integral."""
    states = tuple(
        State(from_ms=at, gpu_percent=at // 1_000 % 101, power_mw=60_000 + at)
        for at in range(0, 40_000, 1_700)
    )
    scenario = Scenario(devices=(card(0, states=states),))
    meter = meters.start(scenario)

    for now_ms in (1, 1_699, 1_700, 17_001, 39_999):
        seen = seen_of(meter.at(now_ms).samples[0])
        state = [state for state in states if state.from_ms <= now_ms][-1]
        assert seen.utilisation_ppm == state.gpu_percent * 10_000
        assert seen.energy_counter_mj == scenario.truth(0, 0, now_ms).energy_uj // 1_000


def test_holders_come_and_go_with_their_processes(meters: Meters) -> None:
    """A device is held exactly while a process is listed, in whichever list; one counts once; an
    empty list is nobody, however the binding takes it (U9)."""
    me = os.getpid()
    processes = (
        Process(pid=me, from_ms=1_000, to_ms=2_000),
        Process(pid=me, from_ms=1_500, to_ms=2_000, kind=ProcessKind.MPS),
        Process(pid=me, from_ms=1_500, to_ms=3_000, kind=ProcessKind.GRAPHICS),
    )
    # Busy from when only the graphics list holds somebody: that list is then looked at, at once.
    states = (State(from_ms=0), State(from_ms=2_000, gpu_percent=5))
    scenario = Scenario(devices=(card(0, processes=processes, states=states),))
    meter = meters.start(scenario)

    held = {
        now_ms: len(seen_of(meter.at(now_ms).samples[0]).holders)  # type: ignore[arg-type]
        for now_ms in (0, 999, 1_000, 1_600, 1_999, 2_000, 2_999, 3_000)
    }

    assert held == {0: 0, 999: 0, 1_000: 1, 1_600: 1, 1_999: 1, 2_000: 1, 2_999: 1, 3_000: 0}


def test_an_idle_graphics_holder_is_seen_within_five_ticks(meters: Meters) -> None:
    """Lists that are nearly always empty are looked at in turns: every fifth tick at the latest."""
    processes = (Process(pid=os.getpid(), from_ms=1_000, kind=ProcessKind.GRAPHICS),)
    meter = meters.start(Scenario(devices=(card(0, processes=processes),)))
    meter.at(0)
    meter.at(1_000)

    later = [meter.next(SampleBatch) for _ in range(5)]

    assert seen_of(later[-1].samples[0]).holders != frozenset()


def test_many_processes_are_all_seen(meters: Meters) -> None:
    """A list longer than the meter's buffer is read whole; who ended before it was looked up holds
    the device all the same: 200 processes, 200 holders (S21)."""
    processes = tuple(Process(pid=4_000_000 + number) for number in range(200))
    meter = meters.start(Scenario(devices=(card(0, processes=processes),)))

    holders = seen_of(meter.next(SampleBatch).samples[0]).holders

    assert isinstance(holders, frozenset)
    assert {holder.kind for holder in holders} == {HolderKind.PROCESS}
    assert {holder.name for holder in holders} == {
        f"{4_000_000 + number}@ended" for number in range(200)
    }


def test_every_error_code_makes_its_own_value_absent(meters: Meters) -> None:
    """Each NVML code on one call of one device leaves the other values and devices whole."""
    codes = [code for code in (*range(2, 31), 999) if code not in SESSION_OVER]
    states = (State(from_ms=0, gpu_percent=50),)
    scenario = Scenario(
        devices=tuple(card(number, states=states) for number in range(len(codes))),
        errors=tuple(
            Error(call=UTILISATION, code=code, device=number) for number, code in enumerate(codes)
        ),
    )
    meter = meters.start(scenario)

    batch = meter.at(1_000)

    assert len(batch.samples) == len(codes)
    for code, sample in zip(codes, batch.samples, strict=True):
        if absent_for(code) == LOST:
            assert sample.seen == LOST
        else:
            seen = seen_of(sample)
            assert seen.utilisation_ppm == absent_for(code), code
            assert isinstance(seen.energy_counter_mj, int)
            assert seen.holders == frozenset()


def test_a_refused_process_list_is_unknown_not_empty(meters: Meters) -> None:
    """Where the driver refuses the list of processes, nobody can say whether the device is held."""
    scenario = Scenario(devices=(card(0),), errors=(Error(call=COMPUTE, code=4),))
    meter = meters.start(scenario)

    seen = seen_of(meter.next(SampleBatch).samples[0])

    assert seen.holders == Absent(AbsentReason.NO_PERMISSION)
    assert seen.utilisation_ppm == 0


def test_a_refused_side_list_leaves_known_holders_known(meters: Meters) -> None:
    """With one list refused a holder in another is a holder; nobody in the others is unknown."""
    refused = Error(call="nvmlDeviceGetGraphicsRunningProcesses_v3", code=4)
    held = card(0, processes=(Process(pid=os.getpid()),))
    meter = meters.start(Scenario(devices=(held, card(1)), errors=(refused,)))

    first, second = map(seen_of, meter.next(SampleBatch).samples)

    assert isinstance(first.holders, frozenset)
    assert len(first.holders) == 1
    assert second.holders == Absent(AbsentReason.NO_PERMISSION)


def test_a_device_that_refuses_everything_is_absent_as_a_whole(meters: Meters) -> None:
    """A device that answers nothing was not observed, and its sample says why (S19)."""
    scenario = Scenario(
        devices=(card(0), card(1)),
        errors=(Error(call="*", code=4, device=1, from_ms=1_000),),
    )
    meter = meters.start(scenario)
    meter.at(0)

    batch = meter.at(1_000)

    assert batch.samples[1].seen == Absent(AbsentReason.NO_PERMISSION)
    seen_of(batch.samples[0])


def test_a_lost_device_stops_no_other(meters: Meters) -> None:
    """A device off the bus is told as lost every tick, and seen again when it is back (S12)."""
    scenario = Scenario(
        devices=tuple(card(number) for number in range(4)),
        losses=(Lost(device=1, from_ms=1_000, to_ms=2_000),),
    )
    meter = meters.start(scenario)

    before, during, after = meter.at(500), meter.at(1_000), meter.at(2_000)

    assert [sample.seen == LOST for sample in before.samples] == [False] * 4
    assert [sample.seen == LOST for sample in during.samples] == [False, True, False, False]
    assert [sample.seen == LOST for sample in after.samples] == [False] * 4


def test_a_device_that_never_told_its_id_is_told_of(meters: Meters) -> None:
    """A device lost before the meter began cannot be sampled; the agent hears of it."""
    scenario = Scenario(devices=(card(0), card(1)), losses=(Lost(device=1),))
    meter = meters.start(scenario)

    batch = meter.next(SampleBatch)
    notice = meter.notice(NoticeKind.UNIDENTIFIED)

    assert [sample.device.hardware_id for sample in batch.samples] == [card(0).uuid]
    assert notice.detail == "设备 1：设备失联。device 1: device_lost"


def test_values_out_of_range_are_dropped_and_counted(meters: Meters) -> None:
    """Garbage is never clamped: the value is absent and an event counts it (S3)."""
    states = (
        State(from_ms=0, gpu_percent=100),
        State(from_ms=1_000, gpu_percent=4_294_967_295, used_bytes=1 << 60),
    )
    meter = meters.start(Scenario(devices=(card(0, states=states),)))

    fine = meter.at(500)
    meter.control.now_ms = 1_000
    dropped = Absent(AbsentReason.OUT_OF_RANGE)
    # The first reading that meets it tells of it, and no other does for a minute.
    garbage = fine
    while seen_of(garbage.samples[0]).utilisation_ppm != dropped:
        garbage = meter.next(SampleBatch)

    assert seen_of(fine.samples[0]).utilisation_ppm == 1_000_000
    assert kinds(fine) == []
    assert (card(0).uuid, 5, 1) in kinds(garbage)
    assert any("4294967295" in event.detail for event in garbage.events)


def test_power_stands_in_where_there_is_no_energy_counter(meters: Meters) -> None:
    """Power is asked for only where the device has no counter, and only there (E2, S2)."""
    scenario = Scenario(
        devices=(card(0), card(1, states=(State(from_ms=0, power_mw=54_321),))),
        errors=(Error(call=ENERGY, code=3, device=1),),
    )
    meter = meters.start(scenario)

    counted, powered = map(seen_of, meter.next(SampleBatch).samples)

    assert counted.power_mw == Absent(AbsentReason.NOT_RECORDED)
    assert powered.energy_counter_mj == NOT_SUPPORTED
    assert powered.power_mw == 54_321


def test_the_first_utilisation_after_start_up_is_left_out(meters: Meters) -> None:
    """Where the driver starts up with its first client, its own work is not taken for use (U2)."""
    states = (State(from_ms=0, gpu_percent=99),)
    scenario = Scenario(devices=(card(0, persistence=False, states=states),))
    meter = meters.start(scenario)

    first, second = meter.next(SampleBatch), meter.next(SampleBatch)

    assert seen_of(first.samples[0]).utilisation_ppm == Absent(AbsentReason.NOT_READY)
    assert seen_of(second.samples[0]).utilisation_ppm == 990_000


def test_an_older_driver_is_read_as_far_as_it_goes(meters: Meters) -> None:
    """What a driver lacks is absent; older versions of lists are used (L11, S17)."""
    without = frozenset({COMPUTE, ENERGY, "nvmlDeviceGetMemoryInfo_v2", "nvmlEventSetCreate"})
    processes = (Process(pid=os.getpid()),)
    states = (State(from_ms=0, used_bytes=3 << 30),)
    scenario = Scenario(devices=(card(0, processes=processes, states=states),))
    meter = meters.start(scenario, without=without)

    seen = seen_of(meter.next(SampleBatch).samples[0])

    assert seen.energy_counter_mj == NOT_SUPPORTED
    assert seen.power_mw == 70_000
    assert seen.memory_used_bytes == 3 << 30
    assert isinstance(seen.holders, frozenset)
    assert len(seen.holders) == 1


def test_a_driver_with_wide_process_lists_is_read_right(meters: Meters) -> None:
    """Drivers 535.43 to 535.98 lay processes out in 32 bytes: every pid is read (P2)."""
    processes = tuple(Process(pid=4_000_000 + number, used_bytes=7) for number in range(5))
    meter = meters.start(Scenario(devices=(card(0, processes=processes),)), wide_processes=True)

    holders = seen_of(meter.next(SampleBatch).samples[0]).holders

    assert isinstance(holders, frozenset)
    assert sorted(holder.name for holder in holders) == [
        f"{4_000_000 + number}@ended" for number in range(5)
    ]


def test_partitions_are_devices_of_their_own(meters: Meters) -> None:
    """MIG instances carry their share and holders, none of their parent's use (S4, U3, E7, P6)."""
    parts = tuple(
        Partition(
            slot=slot,
            uuid=f"MIG-{slot:08x}-0000-5000-8000-000000000000",
            gpu_instance=slot + 1,
            gpu_slices=slices,
            compute_slices=slices,
            memory_mib=slices * 9_856,
        )
        for slot, slices in ((0, 3), (3, 2), (5, 1))
    )
    held = Process(pid=os.getpid(), gpu_instance=4, used_bytes=1 << 30)
    scenario = Scenario(devices=(card(0, mig=True, partitions=parts, processes=(held,)),))
    meter = meters.start(scenario)

    whole, *instances = meter.next(SampleBatch).samples

    assert seen_of(whole).utilisation_ppm == NOT_SUPPORTED
    assert isinstance(seen_of(whole).energy_counter_mj, int)
    assert [sample.device.hardware_id for sample in instances] == [
        f"{part.uuid}.{part.compute_slices}of7" for part in parts
    ]
    assert {sample.device.parent_hardware_id for sample in instances} == {card(0).uuid}
    assert [
        (sample.device.share_numerator, sample.device.share_denominator) for sample in instances
    ] == [(3, 7), (2, 7), (1, 7)]
    assert {seen_of(sample).energy_counter_mj for sample in instances} == {NOT_SUPPORTED}
    assert [len(seen_of(sample).holders) for sample in instances] == [0, 1, 0]  # type: ignore[arg-type]


def test_a_new_partitioning_replaces_the_old(meters: Meters) -> None:
    """Instances that are taken away end, without a gap that would go on for ever; new ones begin,
    and the parent's event says so (L8)."""
    parts = (
        Partition(slot=0, uuid="MIG-old", gpu_instance=1, to_ms=1_000),
        Partition(slot=0, uuid="MIG-new", gpu_instance=1, compute_slices=2, from_ms=1_000),
    )
    meter = meters.start(Scenario(devices=(card(0, mig=True, partitions=parts),)))
    integrator = Integrator(
        boot_id=bytes(16),
        segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
        start_boottime_ms=0,
        naming=HolderNaming(bytes(32)),
    )
    integrator.observe(meter.next(SampleBatch))

    events: list[DeviceEvent] = []
    for changed in meter.since(1_000):
        integrator.observe(changed)
        events += changed.events
    while len(changed.samples) < 2 or changed.samples[1].device.hardware_id != "MIG-new.2of7":
        changed = meter.next(SampleBatch)
        integrator.observe(changed)
        events += changed.events
    later = replace(changed, boottime_ms=changed.boottime_ms + 3_600_000, events=())
    integrator.observe(later)
    integrated = integrator.cut(integrator.finish(later.boottime_ms))

    ends = {m.device.hardware_id: m.end_boottime_ms for m in integrated}
    assert ends["MIG-old.1of7"] <= changed.boottime_ms
    assert ends["MIG-new.2of7"] == later.boottime_ms
    assert [sample.device.hardware_id for sample in changed.samples] == [
        card(0).uuid,
        "MIG-new.2of7",
    ]
    assert [(event.hardware_id, event.kind) for event in events] == [(card(0).uuid, 6)]


def test_every_batch_says_which_loading_of_the_driver_answered(
    meters: Meters, tmp_path: Path
) -> None:
    """The kernel's number of the loaded module: another one after it was loaded anew, and unknown
    where the kernel shows no module."""
    scenario = Scenario(devices=(card(0),))
    module = tmp_path / "module" / "nvidia"
    unknown = meters.start(scenario, "--sys", str(tmp_path)).next(SampleBatch).driver_epoch
    module.mkdir(parents=True)
    first = meters.start(scenario, "--sys", str(tmp_path)).next(SampleBatch).driver_epoch
    module.rename(tmp_path / "unloaded")
    module.mkdir()
    second = meters.start(scenario, "--sys", str(tmp_path)).next(SampleBatch).driver_epoch

    assert unknown == 0
    assert first == (tmp_path / "unloaded").stat().st_ino
    assert second == module.stat().st_ino != first


def test_an_xid_is_told_once(meters: Meters) -> None:
    """The driver's error event reaches the agent once, with its number, on its device (S14)."""
    scenario = Scenario(devices=(card(0), card(1, xids={1_000: 79})))
    meter = meters.start(scenario)
    meter.at(500)

    batches = [batch for now_ms in (1_000, 1_500, 2_000) for batch in meter.since(now_ms)]

    told = [(event.hardware_id, event.kind, event.value) for b in batches for event in b.events]
    assert told == [(card(1).uuid, 3, 79)]


def test_a_reloaded_driver_is_met_by_a_new_process(meters: Meters) -> None:
    """After the driver was exchanged the meter says so, begins anew and reads on (S1)."""
    scenario = Scenario(devices=(card(0),), reload_ms=10_000)
    meter = meters.start(scenario)
    before = seen_of(meter.at(9_000).samples[0]).energy_counter_mj
    meter.control.now_ms = 10_000

    notice = meter.notice(NoticeKind.DRIVER)
    hello = meter.begun_anew()
    after = seen_of(meter.at(12_000).samples[0]).energy_counter_mj

    assert "different versions" in notice.detail
    assert hello.pid == meter.process.pid
    assert (before, after) == (630_000, 140_000)


@pytest.mark.parametrize("code", sorted(DRIVER_GONE))
def test_a_driver_that_refuses_at_the_start_is_told_of_and_tried_again(
    meters: Meters, code: int
) -> None:
    """No driver: the process lives, says why, and reads as soon as the driver is there (S16)."""
    refusal = Error(call="nvmlInitWithFlags", code=code, to_ms=1_000)
    meter = meters.start(Scenario(devices=(card(0),), errors=(refusal,)))

    notice = meter.notice(NoticeKind.DRIVER)
    meter.control.now_ms = 1_000
    meter.begun_anew()
    batch = meter.next(SampleBatch)

    assert f"code {code}" in notice.detail
    assert all(words in notice.detail for words in DRIVER_GONE[code])
    assert len(batch.samples) == 1


def test_a_driver_that_only_fails_is_given_up(meters: Meters) -> None:
    """When every device answers nothing but unknown errors, a new session is begun (P9)."""
    errors = (Error(call="*", code=999, from_ms=1_000, device=0),)
    meter = meters.start(Scenario(devices=(card(0),), errors=errors))
    meter.at(0)

    failing = meter.at(1_000)
    notice = meter.notice(NoticeKind.DRIVER)

    assert failing.samples[0].seen == Absent(AbsentReason.DRIVER_ERROR)
    assert "nvmlDevice*" in notice.detail


def test_the_meter_outlives_the_agent(meters: Meters) -> None:
    """When the agent restarts, the meter comes back by itself and goes on."""
    meter = meters.start(Scenario(devices=(card(0),)))
    meter.at(1_000)

    hello = meter.reconnected()
    batch = meter.at(2_000)

    assert hello.pid == meter.process.pid
    seen_of(batch.samples[0])
    assert meter.process.poll() is None


def test_an_agent_that_talks_nonsense_is_hung_up_on(meters: Meters) -> None:
    """A line that is no command ends the connection, not the meter."""
    meter = meters.start(Scenario(devices=(card(0),)))
    meter.connection._socket.sendall(b'{"format_disk": {}}\n')

    meter.reconnected()

    seen_of(meter.at(0).samples[0])


def test_readings_lie_on_a_grid_and_do_not_drift(meters: Meters) -> None:
    """Ticks fall on multiples of the cadence of CLOCK_BOOTTIME, however long a reading takes."""
    meter = meters.start(Scenario(devices=(card(0),)))
    meter.at(0)

    late_ms = sorted(meter.next(SampleBatch).boottime_ms % 100 for _ in range(30))

    assert late_ms[len(late_ms) // 2] < 25


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cadence-ms", "99"],
        ["--cadence-ms", "5001"],
        ["--meter", "abacus"],
        ["--meter", "replay"],
        ["--nonsense"],
    ],
)
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    """A wrong command line ends with status 2 and says what is wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "kashi_agent.meterd", *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert arguments[0] in done.stderr


def test_sigint_is_a_way_to_stop(meters: Meters) -> None:
    """In a terminal, Ctrl-C ends the meter as SIGTERM does."""
    meter = meters.start(Scenario(devices=(card(0),)))
    meter.process.send_signal(signal.SIGINT)

    assert meter.process.wait(WAIT_SECONDS) == 0
