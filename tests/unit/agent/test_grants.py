"""Devices that a scheduler gave away, from trees of files made for the test."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from host_tree import KubeletTree, checkpoint, write_card
from kashi_agent.holding.device_files import DeviceFiles, bus_address, device_minor
from kashi_agent.holding.grants import (
    REFRESH_MS,
    UNREAD,
    Grant,
    GrantBook,
    Grants,
    with_grants,
)
from kashi_agent.holding.kubelet_grants import KubeletGrants, live_pods
from kashi_agent.holding.labels import Labels
from kashi_agent.holding.noted_grants import NotedGrants, slurm_jobs
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)

HOOK = Path(__file__).parents[3] / "deploy" / "hooks" / "slurm-grant"
UID = "6f1c2f6e-9f0b-4d0e-8a51-6b1f0f9a7c11"
OTHER_UID = "0d7fce9a-7a5b-4d4e-9a53-2a1c4b7f9e22"

JOB = Holder(HolderKind.SLURM_JOB, "8123")
IDLE_JOB = Holder(HolderKind.GRANT, "slurm-8123")
POD = Holder(HolderKind.POD, UID)
IDLE_POD = Holder(HolderKind.GRANT, f"pod-{UID}")
SOMEBODY = Holder(HolderKind.USER, "1000")
NOBODY: frozenset[Holder] = frozenset()
NO_PERMISSION = Absent(AbsentReason.NO_PERMISSION)

METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)


def card(number: int, *, parent: str = "") -> Device:
    """A device whose place on the bus is as the driver's library writes it."""
    return Device(
        vendor=Vendor.NVIDIA,
        hardware_id=f"{'MIG' if parent else 'GPU'}-{number}",
        parent_hardware_id=parent,
        model="Test card",
        meter=MeterKind.NVML,
        pci_bus_id=f"00000000:{0x17 + number:02X}:00.0",
    )


def seen(holders: frozenset[Holder] | Absent = NOBODY) -> Observation:
    """A device at work."""
    return Observation(
        utilisation_ppm=1,
        energy_counter_mj=2,
        power_mw=3,
        memory_used_bytes=4,
        holders=holders,
    )


def batch(*samples: Sample, at: int = 0) -> SampleBatch:
    """Samples of one instant."""
    return SampleBatch(boottime_ms=at, meter=METER, samples=samples)


def holders_of(found: SampleBatch) -> list[frozenset[Holder] | Absent]:
    """Who holds each device."""
    return [s.seen.holders if isinstance(s.seen, Observation) else s.seen for s in found.samples]


class Told:
    """A scheduler that says what it is told to."""

    def __init__(self, *grants: Grant, unread: str = "") -> None:
        self.now = Grants(grants, unread)
        self.reads = 0

    def read(self) -> Grants:
        """What stands now."""
        self.reads += 1
        return self.now


def book(tmp_path: Path, *sources: Told) -> GrantBook:
    """Grants of some schedulers on a host without device files."""
    return GrantBook(sources, DeviceFiles(tmp_path))


# What a grant makes of a device's holders.


@pytest.mark.parametrize(
    ("holders", "grants", "whole", "expected"),
    [
        (NOBODY, [], True, NOBODY),
        (NOBODY, [JOB], True, frozenset({IDLE_JOB})),
        (frozenset({JOB}), [JOB], True, frozenset({JOB})),
        (frozenset({SOMEBODY}), [JOB], True, frozenset({SOMEBODY, IDLE_JOB})),
        (NOBODY, [JOB, POD], True, frozenset({IDLE_JOB, IDLE_POD})),
        (NOBODY, [], False, UNREAD),
        (NOBODY, [JOB], False, frozenset({IDLE_JOB})),
        (frozenset({SOMEBODY}), [], False, frozenset({SOMEBODY})),
        (NO_PERMISSION, [], True, NO_PERMISSION),
        (NO_PERMISSION, [], False, NO_PERMISSION),
        (NO_PERMISSION, [JOB], True, frozenset({IDLE_JOB})),
    ],
)
def test_a_grant_holds_a_device_that_no_process_of_it_is_on(
    holders: frozenset[Holder] | Absent,
    grants: list[Holder],
    whole: bool,
    expected: frozenset[Holder] | Absent,
) -> None:
    """P7: allocated and idle is held; the job's own processes are the job. Where grants cannot all
    be read, nobody on a device is unknown, not nobody."""
    given = [Grant("GPU-0", holder) for holder in grants]

    assert with_grants(holders, given, whole=whole) == expected


def test_a_grant_without_a_job_holds_by_its_own_name() -> None:
    """Any other scheduler's grant is a grant with or without processes."""
    other = Holder(HolderKind.GRANT, "lsf-77")

    assert with_grants(NOBODY, [Grant("GPU-0", other)], whole=True) == frozenset({other})


def test_grants_reach_the_devices_they_name(tmp_path: Path) -> None:
    """P7: by hardware id, a partition too; a device that is not named stays as it was, a lost one
    stays lost."""
    told = Told(Grant("GPU-0", JOB), Grant("MIG-9", POD), Grant("GPU-2", POD))
    lost = Absent(AbsentReason.DEVICE_LOST)
    given = batch(
        Sample(device=card(0), seen=seen()),
        Sample(device=card(1), seen=seen()),
        Sample(device=card(2), seen=lost),
        Sample(device=card(9, parent="GPU-1"), seen=seen()),
    )

    found = book(tmp_path, told).completed(given)

    assert holders_of(found) == [frozenset({IDLE_JOB}), NOBODY, lost, frozenset({IDLE_POD})]
    assert [s.device for s in found.samples] == [s.device for s in given.samples]


def test_a_scheduler_names_a_partition_without_its_share(tmp_path: Path) -> None:
    """P7: it knows the driver's UUID; the share in the id is ours."""
    part = replace(card(9, parent="GPU-1"), hardware_id="MIG-9.4of7")
    given = batch(Sample(device=part, seen=seen()))

    found = book(tmp_path, Told(Grant("MIG-9", POD))).completed(given)

    assert holders_of(found) == [frozenset({IDLE_POD})]


def test_without_a_grant_nothing_is_made_anew(tmp_path: Path) -> None:
    """Most hosts have no scheduler: their batches pass as they are."""
    given = batch(Sample(device=card(0), seen=seen()))

    assert book(tmp_path, Told()).completed(given) is given


def test_schedulers_are_read_every_few_seconds_only(tmp_path: Path) -> None:
    """A grant is seen five seconds late at most, and costs nothing in between."""
    told = Told()
    grants = book(tmp_path, told)
    sample = Sample(device=card(0), seen=seen())
    grants.completed(batch(sample, at=10_000))
    told.now = Grants((Grant("GPU-0", JOB),))
    early = grants.completed(batch(sample, at=10_000 + REFRESH_MS - 1))
    late = grants.completed(batch(sample, at=10_000 + REFRESH_MS))

    assert holders_of(early) == [NOBODY]
    assert holders_of(late) == [frozenset({IDLE_JOB})]
    assert told.reads == 2


def test_a_grant_of_a_device_that_is_not_here_leaves_the_others_unknown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """P8: an index or an id of another kind is never guessed to be some device; it says once that
    one is held and nobody knows which."""
    grants = book(tmp_path, Told(Grant("0", JOB)))
    given = batch(Sample(device=card(0), seen=seen()))

    for at in (0, 1_000, REFRESH_MS, 2 * REFRESH_MS):
        assert holders_of(grants.completed(batch(*given.samples, at=at))) == [UNREAD]
    assert [record.getMessage() for record in caplog.records] == [
        "无法得知调度器的分配。Grants of a scheduler cannot be told: '0' is no device here"
    ]


# Device files.


def test_a_device_file_is_known_by_its_place_on_the_bus(tmp_path: Path) -> None:
    """P8: /dev/nvidia0 can be the second card the library counts; the bus tells, not the order. A
    partition is not its card."""
    write_card(tmp_path, "0000:18:00.0", 0)
    write_card(tmp_path, "0000:17:00.0", 1)
    grants = GrantBook([Told(Grant("nvidia0", JOB))], DeviceFiles(tmp_path))
    given = batch(
        Sample(device=card(0), seen=seen()),
        Sample(device=card(1), seen=seen()),
        Sample(device=card(1, parent="GPU-1"), seen=seen()),
    )

    assert holders_of(grants.completed(given)) == [NOBODY, frozenset({IDLE_JOB}), NOBODY]


@pytest.mark.parametrize("text", ["", "x:y", "no address"])
def test_what_is_no_place_on_the_bus_is_none(text: str) -> None:
    """Two cards without an address are not one."""
    assert bus_address(text) == ()


def test_a_description_without_a_number_names_no_file() -> None:
    """A driver that writes otherwise is not guessed at."""
    assert device_minor("Device Minor: \t none\n") is None
    assert device_minor("") is None


# Grants noted in a folder.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of grants."""
    made = tmp_path / "grants"
    made.mkdir(mode=0o755)
    return made


def noted(folder: Path, tmp_path: Path) -> NotedGrants:
    """The grants in it, of which the test's own user is the master."""
    return NotedGrants(folder=folder, cgroups=tmp_path / "cgroup", owner_uid=os.getuid())


def run_job(tmp_path: Path, number: int, where: str = "system.slice/slurmstepd.scope") -> Path:
    """A Slurm job has a control group."""
    made = tmp_path / "cgroup" / where / f"job_{number}"
    made.mkdir(parents=True)
    return made


def test_noted_grants_are_read_by_name(folder: Path, tmp_path: Path) -> None:
    """One file a grant, one device a line; what is not finished is passed over."""
    run_job(tmp_path, 8123)
    (folder / "slurm-8123").write_text("GPU-0\nnvidia3\n")
    (folder / "lsf-77").write_text("GPU-1\n")
    (folder / "slurm-9").write_text("")
    (folder / ".slurm-10").write_text("GPU-9\n")

    assert noted(folder, tmp_path).read() == Grants(
        (
            Grant("GPU-1", Holder(HolderKind.GRANT, "lsf-77")),
            Grant("GPU-0", JOB),
            Grant("nvidia3", JOB),
        )
    )


@pytest.mark.parametrize("where", ["system.slice/slurmstepd.scope", "memory/slurm/uid_1000"])
def test_a_grant_whose_job_is_gone_holds_nothing_for_ever(
    where: str, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """P7: an epilog that did not run leaves its note behind: its device is unknown, neither held
    nor free, and no other; who works on it is known still, and so is another scheduler's grant."""
    (folder / "slurm-8123").write_text("GPU-0\nGPU-2\n")
    (folder / "lsf-77").write_text("GPU-1\n")
    group = run_job(tmp_path, 8123, where)
    grants = GrantBook((noted(folder, tmp_path),), DeviceFiles(tmp_path))
    worked = Sample(device=card(2), seen=seen(frozenset({SOMEBODY})))
    free = [Sample(device=card(number), seen=seen()) for number in (0, 1, 3)]
    lsf = frozenset({Holder(HolderKind.GRANT, "lsf-77")})

    running = grants.completed(batch(*free, worked))
    group.rmdir()
    gone = grants.completed(batch(*free, worked, at=REFRESH_MS))

    assert holders_of(running) == [{IDLE_JOB}, lsf, NOBODY, {SOMEBODY, IDLE_JOB}]
    assert holders_of(gone) == [UNREAD, lsf, NOBODY, {SOMEBODY}]
    (told,) = caplog.records
    assert told.getMessage().endswith("cannot be told: slurm-8123 has no control group")


def test_only_what_root_wrote_counts(folder: Path, tmp_path: Path) -> None:
    """A file or folder that others may write is not believed, nor is one of another owner, nor a
    link; and then nobody knows what else there is."""
    (folder / "slurm-8123").write_text("GPU-0\n")
    foreign = NotedGrants(folder=folder, cgroups=tmp_path, owner_uid=os.getuid() + 1)
    assert "must be root's" in foreign.read().unread

    (folder / "slurm-8123").chmod(0o666)
    assert noted(folder, tmp_path).read() == Grants(
        unread=f"{folder}/slurm-8123 须属于 root，其他人不可写。"
        f"{folder}/slurm-8123 must be root's, and nobody else's to write"
    )

    (folder / "slurm-8123").unlink()
    (folder / "slurm-8123").symlink_to("/etc/hostname")
    assert noted(folder, tmp_path).read().unread

    (folder / "slurm-8123").unlink()
    (folder / "a name with spaces").write_text("GPU-0\n")
    assert "no grant's name" in noted(folder, tmp_path).read().unread

    (folder / "a name with spaces").unlink()
    folder.chmod(0o777)
    assert "must be root's" in noted(folder, tmp_path).read().unread


@pytest.mark.parametrize(
    "group",
    [
        "system.slice/slurmstepd.scope/job_7",
        "system.slice/gpu07_slurmstepd.scope/job_7",
        "freezer/slurm/uid_1000/job_7",
        "memory/slurm_gpu07/uid_1000/job_7",
    ],
)
def test_slurm_without_noted_grants_leaves_holders_unknown(group: str, tmp_path: Path) -> None:
    """P7: a job runs here and nobody says which device it has, so none is known to be free."""
    source = noted(tmp_path / "absent", tmp_path)
    before = source.read()
    (tmp_path / "cgroup" / group).mkdir(parents=True)

    assert before == Grants()
    assert slurm_jobs(tmp_path / "cgroup") == {"7"}
    assert "Slurm runs jobs" in source.read().unread


def run_hook(folder: Path, **told: str) -> subprocess.CompletedProcess[str]:
    """The hook as slurmd runs it: without a search path, with its own variables."""
    return subprocess.run(
        ["/bin/sh", HOOK, folder], env=told, capture_output=True, text=True, check=True
    )


def test_the_slurm_hook_notes_and_forgets_a_grant(tmp_path: Path) -> None:
    """P7: slurmd's prolog and epilog, run as they are: numbers are device files, ids are ids."""
    run_job(tmp_path, 8123)
    folder = tmp_path / "run" / "grants"
    told = {"SLURM_JOB_ID": "8123", "SLURM_JOB_GPUS": "0,3,MIG-9"}
    run_hook(folder, SLURM_SCRIPT_CONTEXT="prolog_slurmd", **told)
    during = noted(folder, tmp_path).read()
    run_hook(folder, SLURM_SCRIPT_CONTEXT="epilog_slurmd", **told)

    assert during == Grants(tuple(Grant(name, JOB) for name in ("nvidia0", "nvidia3", "MIG-9")))
    assert list(folder.iterdir()) == []
    assert noted(folder, tmp_path).read() == Grants()


def test_the_slurm_hook_notes_that_a_job_has_no_device(tmp_path: Path) -> None:
    """The folder alone says that grants are noted: a job that is not in it has none."""
    folder = tmp_path / "grants"
    run_hook(folder, SLURM_JOB_ID="8124", SLURM_SCRIPT_CONTEXT="prolog_slurmd")

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"SLURM_JOB_ID": "../../etc/passwd", "SLURM_SCRIPT_CONTEXT": "epilog_slurmd"},
        {"SLURM_JOB_ID": "8123"},
        {"SLURM_JOB_ID": "8123", "SLURM_SCRIPT_CONTEXT": "prolog_task"},
    ],
)
def test_the_slurm_hook_never_drains_a_node(told: Mapping[str, str], tmp_path: Path) -> None:
    """Whatever is wrong, it says so and ends well, and touches nothing."""
    done = run_hook(tmp_path / "grants", **told)

    assert done.stderr.startswith("slurm-grant: ")
    assert not (tmp_path / "grants").exists()


# Grants of a kubelet.


class Kubelet(KubeletTree):
    """A node's files and what is read of them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        labels = Labels(passwd=root / "absent", pod_logs=self.logs)
        self.grants = KubeletGrants(self.path, self.cgroups, labels)


@pytest.fixture
def kubelet(tmp_path: Path) -> Kubelet:
    """A kubelet that gave nothing away yet."""
    return Kubelet(tmp_path)


@pytest.mark.parametrize(
    ("ids", "devices"),
    [
        ({"0": ["GPU-0"], "1": ["GPU-1"]}, ["GPU-0", "GPU-1"]),
        ({"-1": ["GPU-0::2"]}, ["GPU-0"]),
        ({"0": ["GPU-0::0", "GPU-0::1"]}, ["GPU-0"]),
        (["MIG-9"], ["MIG-9"]),
    ],
)
def test_a_kubelet_tells_which_pod_has_which_device(
    ids: object, devices: list[str], kubelet: Kubelet
) -> None:
    """P7, S25: of both forms of the file; replicas of a time-sliced device are the device."""
    kubelet.pod(UID)
    kubelet.write((UID, "nvidia.com/gpu", ids), (UID, "rdma/hca", {"0": ["mlx5_0"]}))

    assert kubelet.grants.read() == Grants(tuple(Grant(name, POD) for name in devices))


def test_a_pod_is_called_by_its_name_where_it_holds_idle(kubelet: Kubelet) -> None:
    """The label goes with the grant."""
    (kubelet.logs / f"team-a_train-0_{UID}").mkdir()
    kubelet.pod(UID)
    kubelet.write((UID, "nvidia.com/gpu", {"0": ["GPU-0"]}))
    (grant,) = kubelet.grants.read().grants

    assert grant.idle == IDLE_POD
    assert grant.idle.label == "team-a/train-0"


def test_a_pod_that_has_ended_holds_nothing(kubelet: Kubelet) -> None:
    """The checkpoint keeps what ended until the next pod is admitted; its group is gone at once."""
    gone = kubelet.pod(UID)
    kubelet.pod(OTHER_UID)
    kubelet.write((UID, "nvidia.com/gpu", {"0": ["GPU-0"]}))
    during = kubelet.grants.read()
    gone.rmdir()

    assert during == Grants((Grant("GPU-0", POD),))
    assert kubelet.grants.read() == Grants()


def test_a_new_checkpoint_is_read_anew(kubelet: Kubelet) -> None:
    """What is kept from one look to the next ends with the file it came from."""
    kubelet.pod(UID)
    kubelet.write((UID, "nvidia.com/gpu", {"0": ["GPU-0"]}))
    kubelet.grants.read()
    kubelet.write((UID, "nvidia.com/gpu", {"0": ["GPU-1"]}))

    assert kubelet.grants.read() == Grants((Grant("GPU-1", POD),))


@pytest.mark.parametrize("where", ["kubepods.slice", "kubelet.slice/kubelet-kubepods.slice",
                                   "memory/kubepods.slice"])  # fmt: skip
def test_pods_live_where_their_groups_are(where: str, kubelet: Kubelet) -> None:
    """S22: version 1 and 2, below a root of the kubelet's own too."""
    kubelet.pod(UID, where=where)

    assert live_pods(kubelet.cgroups) == {UID}


def test_pods_of_the_other_driver_live_too(kubelet: Kubelet) -> None:
    """S22: groups as the kubelet makes them by itself."""
    for path in (f"kubepods/pod{UID}", f"kubepods/besteffort/pod{OTHER_UID}"):
        (kubelet.cgroups / path).mkdir(parents=True)

    assert live_pods(kubelet.cgroups) == {UID, OTHER_UID}


def test_a_host_without_a_kubelet_has_no_grants(kubelet: Kubelet) -> None:
    """No file, nobody to ask: that is all."""
    assert kubelet.grants.read() == Grants()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"Data": null}',
        '{"Data": {"PodDeviceEntries": [{}]}}',
        checkpoint((UID, "nvidia.com/gpu", 7)),
        checkpoint((UID, "huawei.com/Ascend910", [7])),
    ],
)
def test_a_checkpoint_of_another_form_is_said_to_be_unread(text: str, kubelet: Kubelet) -> None:
    """A kubelet that writes otherwise leaves holders unknown, and the log says why."""
    kubelet.path.write_text(text)

    assert "not in a form that is known" in kubelet.grants.read().unread


def test_a_checkpoint_that_cannot_be_read_is_said_to_be_unread(kubelet: Kubelet) -> None:
    """As without the capability: a host with a kubelet then cannot know of idle grants."""
    kubelet.path.mkdir()  # the test may be root, whom no permission stops

    assert str(kubelet.path) in kubelet.grants.read().unread


def test_without_any_pods_group_nothing_is_known_to_have_ended(kubelet: Kubelet) -> None:
    """Groups in a place unheard of must not make live grants vanish."""
    kubelet.write((UID, "nvidia.com/gpu", {"0": ["GPU-0"]}))

    assert "control group" in kubelet.grants.read().unread
