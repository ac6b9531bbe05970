"""Who held a device, from a host's trees of files to the signed report, through the real meter."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fakes.nvml.scenario import Device, Partition, Process, ProcessKind, Scenario, State
from fixtures_meter import Meter, Meters, seen_of
from host_tree import KubeletTree, ProcTree
from kashi_agent.chain_link import ChainLink
from kashi_agent.describing import describe_report
from kashi_agent.metering import Metering
from kashi_agent.naming import HolderNaming, NamePolicy
from kashi_agent.sample import Absent, AbsentReason, Holder, HolderKind, Observation, SampleBatch
from kashi_agent.sealing import Sealer

from deploy.demo.manual_clock import ManualClock

MINUTE_MS = 60_000
BUSY = (State(from_ms=0, gpu_percent=80),)
PODS = tuple(f"6f1c2f6e-9f0b-4d0e-8a51-6b1f0f9a7c1{number}" for number in range(4))
SLURM_V2 = "system.slice/slurmstepd.scope/job_8123"
GRANT = Holder(HolderKind.GRANT, f"pod-{PODS[0]}")


def card(number: int, *processes: Process, states: tuple[State, ...] = BUSY) -> Device:
    """A device of its own id and place."""
    return Device(
        uuid=f"GPU-{number:08x}-0000-4000-8000-000000000000",
        pci=f"00000000:{0x17 + number:02X}:00.0",
        minor=number,
        states=states,
        processes=processes,
    )


def in_pod(uid: str) -> str:
    """The control group of a container of a pod."""
    slice_name = f"kubepods-pod{uid.replace('-', '_')}.slice"
    return f"0::/kubepods.slice/{slice_name}/cri-containerd-{'0f' * 32}.scope\n"


class Host:
    """A host's trees, and the meter that reads them."""

    def __init__(self, root: Path, meters: Meters) -> None:
        self.root = root
        self.proc = ProcTree(root / "proc")
        self.kubelet = KubeletTree(root)
        self._meters = meters

    def meter(self, *devices: Device) -> Meter:
        """The real meter over these trees and the fake driver."""
        places = [("--proc", self.proc.root), ("--sys", self.root / "sys"), ("--root", self.root)]
        options = [str(part) for place in places for part in place]
        return self._meters.start(Scenario(devices=devices), *options)


@pytest.fixture
def host(tmp_path: Path, meters: Meters) -> Host:
    """A host without any process but the first."""
    return Host(tmp_path, meters)


def held(meter: Meter, now_ms: int = 1_000) -> list[frozenset[Holder] | Absent]:
    """Who holds each device at an instant of the scenario."""
    return [seen_of(sample).holders for sample in meter.at(now_ms).samples]


def facts_of(batch: SampleBatch) -> list[str]:
    """What the meter states of the host."""
    return [event.detail for event in batch.events if not event.hardware_id]


def reported(meter: Meter, policy: NamePolicy) -> dict[str, Any]:
    """The only device block of a signed report of a minute in which nothing changes."""
    seen = meter.at(1_000)
    clock = ManualClock(boottime=0, monotonic=0, utc=1_700_000_040_000)
    metering = Metering(clock, HolderNaming(bytes(32), policy))
    for at in range(0, 2 * MINUTE_MS + 10_000, 1_000):
        metering.observe(replace(seen, boottime_ms=at, events=()))
        clock.advance(1_000)
    stretch = metering.cut()
    assert stretch is not None
    key = ec.derive_private_key(0xCA5E, ec.SECP256R1())
    sealer = Sealer(key=key, agent_version="0.1.0", random_bytes=bytes)
    (sealed,) = sealer.seal([stretch], ChainLink(host_id="host"), 0)
    report = describe_report(sealed.wire)
    names = [b["content"]["names"] for b in report["blocks"] if b["kind"].endswith("NAMES")]
    return {**report["blocks"][0]["content"], "names": names[0] if names else []}


def test_four_pods_share_a_device_and_add_up_to_it(host: Host) -> None:
    """S25, U12: time-sliced, with a process each, they have a quarter of every minute each; the
    report carries keys, and names only as the setting says."""
    for number, uid in enumerate(PODS):
        host.proc.write(100 + number, cgroup=in_pod(uid))
        (host.kubelet.logs / f"team-a_train-{number}_{uid}").mkdir()
    meter = host.meter(card(0, *(Process(pid=100 + number) for number in range(4))))

    plain = reported(meter, NamePolicy.PLAIN)
    nameless = reported(meter, NamePolicy.NONE)

    minute = plain["readings"][1]
    assert minute["held_ms"] == MINUTE_MS
    assert [time["share_ms"] for time in minute["holder_times"]] == [MINUTE_MS // 4] * 4
    assert [time["held_ms"] for time in minute["holder_times"]] == [MINUTE_MS] * 4
    assert minute["unattributed_ms"] == 0
    assert {holder["kind"] for holder in plain["holders"]} == {"HOLDER_KIND_POD"}
    assert {name["name"] for name in plain["names"]} == {f"team-a/train-{n}" for n in range(4)}
    assert nameless["holders"] == plain["holders"]
    assert nameless["names"] == []


def test_slurm_jobs_adopted_sessions_and_mps_clients_are_told_apart(host: Host) -> None:
    """S22, S23, S24: a job's step and a session adopted into it are one holder, another job's MPS
    client a second; the server between them is none."""
    step = f"0::/{SLURM_V2}/step_0/user/task_0\n"
    session = f"0::/{SLURM_V2}/step_extern/user/task_0\n"
    client = "0::/system.slice/slurmstepd.scope/job_9/step_0/user/task_0\n"
    host.proc.write(100, cgroup=step)
    host.proc.write(101, cgroup=session)
    host.proc.write(102, cgroup=client, uid=2_000)
    host.proc.write(103, uid=0, command="nvidia-cuda-mps")
    processes = (
        Process(pid=100),
        Process(pid=101),
        Process(pid=102, kind=ProcessKind.MPS),
        Process(pid=103),
    )
    meter = host.meter(card(0, *processes))

    assert held(meter) == [
        frozenset({Holder(HolderKind.SLURM_JOB, "8123"), Holder(HolderKind.SLURM_JOB, "9")})
    ]


def test_activity_without_a_holder_is_unattributed(host: Host) -> None:
    """A busy device on which nobody is listed: all of its activity is said to be nobody's."""
    meter = host.meter(card(0))
    facts = facts_of(meter.next(SampleBatch))
    minute = reported(meter, NamePolicy.PLAIN)["readings"][1]

    assert "holders=known" in facts

    assert minute["held_known_ms"] == minute["active_ms"] == minute["unattributed_ms"] == MINUTE_MS
    assert minute["held_ms"] == 0
    assert minute["holder_times"] == []


def test_an_idle_grant_of_a_kubelet_holds_its_device(host: Host) -> None:
    """P7: allocated to a pod and idle, a device is held and its neighbour is free; when the pod's
    process comes, the pod holds it."""
    host.kubelet.pod(PODS[0])
    process = Process(pid=100, from_ms=5_000)
    idle = (State(from_ms=0),)
    granted, free = card(0, process, states=idle), card(1, states=idle)
    host.kubelet.write((PODS[0], "nvidia.com/gpu", {"0": [granted.uuid]}))
    host.proc.write(100, cgroup=in_pod(PODS[0]))
    meter = host.meter(granted, free)

    assert held(meter, 1_000) == [frozenset({GRANT}), frozenset()]
    assert held(meter, 5_000) == [frozenset({Holder(HolderKind.POD, PODS[0])}), frozenset()]


def test_slurm_without_its_hook_leaves_an_idle_device_unknown(host: Host) -> None:
    """P7: a job runs, nobody notes its devices: a device without a process is neither held nor
    free, and its activity is not called unattributed."""
    (host.root / "sys" / "fs" / "cgroup" / SLURM_V2).mkdir(parents=True)
    host.proc.write(100)
    meter = host.meter(card(0, Process(pid=100), states=BUSY))

    assert held(meter) == [frozenset({Holder(HolderKind.USER, "1000")})]
    meter = host.meter(card(0))
    assert "holders?scheduler_unread" in facts_of(meter.next(SampleBatch))
    assert held(meter) == [Absent(AbsentReason.SCHEDULER_UNREAD)]
    minute = reported(meter, NamePolicy.NONE)["readings"][1]
    assert minute["held_known_ms"] == minute["unattributed_ms"] == 0


def test_in_a_container_holders_are_unknown_and_the_reason_is_told(
    tmp_path: Path, meters: Meters
) -> None:
    """P1: the meter in a pid namespace of its own ties the driver's pids to nothing; what else it
    measures stays."""
    host = Host(tmp_path, meters)
    link = host.proc.root / "self" / "ns" / "pid"
    link.unlink()
    link.symlink_to("pid:[4026532000]")
    host.proc.write(100)
    meter = host.meter(card(0, Process(pid=100)))
    first = meter.next(SampleBatch)
    seen = seen_of(first.samples[0])
    minute = reported(meter, NamePolicy.PLAIN)["readings"][1]

    assert "holders?foreign_pid_namespace" in facts_of(first)
    assert seen.holders == Absent(AbsentReason.FOREIGN_PID_NAMESPACE)
    assert minute["held_known_ms"] == 0
    assert minute["active_ms"] == MINUTE_MS
    assert minute["unattributed_ms"] == 0


def test_in_a_container_a_partition_without_any_figure_of_its_own_is_still_observed(
    tmp_path: Path, meters: Meters
) -> None:
    """A driver that lists a partition's processes answers for it, whoever they belong to: no gap
    begins where nothing but the names is missing."""
    host = Host(tmp_path, meters)
    link = host.proc.root / "self" / "ns" / "pid"
    link.unlink()
    link.symlink_to("pid:[4026532000]")
    part = Partition(slot=0, uuid="MIG-1", gpu_instance=1)
    meter = host.meter(replace(card(0), mig=True, partitions=(part,)))

    seen = [meter.next(SampleBatch).samples[1].seen for _ in range(4)]

    foreign = Absent(AbsentReason.FOREIGN_PID_NAMESPACE)
    assert [getattr(each, "holders", each) for each in seen] == [foreign] * 4
    assert all(isinstance(each, Observation) for each in seen)


def test_a_reused_pid_is_another_holder_at_the_next_look(host: Host) -> None:
    """S20, S21: a process ends and another one of its pid begins between two readings; one that is
    listed and gone holds without a name."""
    host.proc.write(100, start_ticks=500, uid=1_000)
    meter = host.meter(card(0, Process(pid=100), Process(pid=200, from_ms=9_000)))
    before = held(meter)
    host.proc.write(100, start_ticks=900, uid=2_000)
    after = held(meter)

    assert before == [frozenset({Holder(HolderKind.USER, "1000")})]
    assert after == [frozenset({Holder(HolderKind.USER, "2000")})]
    assert held(meter, 9_000) == [
        frozenset({Holder(HolderKind.USER, "2000"), Holder(HolderKind.PROCESS, "200@ended")})
    ]
