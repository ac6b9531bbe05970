"""Which holder the control groups of a process name, on every layout there is."""

import pytest
from kashi_agent.holding.cgroups import holder_of_cgroups, pod_uid
from kashi_agent.sample import Holder, HolderKind

CONTAINER = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
UID = "6f1c2f6e-9f0b-4d0e-8a51-6b1f0f9a7c11"
UID_SYSTEMD = UID.replace("-", "_")
STATIC_UID = "0f" * 16

IN_CONTAINER = Holder(HolderKind.CONTAINER, CONTAINER)
IN_POD = Holder(HolderKind.POD, UID)
IN_JOB = Holder(HolderKind.SLURM_JOB, "8123")


def on_v1(path: str, systemd: str | None = None) -> str:
    """/proc/PID/cgroup of version 1: the same path in each hierarchy, but for systemd's own."""
    lines = [f"{n}:{name}:{path}" for n, name in ((12, "devices"), (7, "memory"), (3, "freezer"))]
    return "\n".join([*lines, f"1:name=systemd:{systemd or path}", "0::/"]) + "\n"


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{CONTAINER}",
        f"/system.slice/docker-{CONTAINER}.scope",
        f"/system.slice/containerd.service/system.slice:docker:{OTHER[:12]}/{CONTAINER}",
        f"/machine.slice/libpod-{CONTAINER}.scope",
        f"/machine.slice/libpod-{CONTAINER}.scope/container",
        f"/system.slice/vllm.service/libpod-payload-{CONTAINER}",
        f"/system.slice/nerdctl-{CONTAINER}.scope",
        f"/default/{CONTAINER}",
        f"/isulad/{CONTAINER}",
    ],
)
def test_a_container_is_known_by_its_id(path: str) -> None:
    """S22: Docker, containerd, Podman and iSulad, by either driver, on both versions."""
    assert holder_of_cgroups(f"0::{path}\n") == IN_CONTAINER
    assert holder_of_cgroups(on_v1(path)) == IN_CONTAINER


@pytest.mark.parametrize(
    "path",
    [
        f"/kubepods.slice/kubepods-pod{UID_SYSTEMD}.slice/cri-containerd-{CONTAINER}.scope",
        (
            "/kubepods.slice/kubepods-burstable.slice/"
            f"kubepods-burstable-pod{UID_SYSTEMD}.slice/crio-{CONTAINER}.scope"
        ),
        f"/kubepods/besteffort/pod{UID}/{CONTAINER}",
        f"/kubepods/pod{UID}/{CONTAINER}/init",
        (
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
            f"kubelet-kubepods-besteffort-pod{UID_SYSTEMD}.slice/cri-containerd-{CONTAINER}.scope"
        ),
        f"/system.slice/containerd.service/kubepods-pod{UID_SYSTEMD}.slice:cri-containerd:{CONTAINER}",
    ],
)
def test_a_pod_is_known_by_its_uid(path: str) -> None:
    """S22: every class of service, both drivers, on both versions; its containers are one pod."""
    assert holder_of_cgroups(f"0::{path}\n") == IN_POD
    assert holder_of_cgroups(on_v1(path)) == IN_POD


def test_a_static_pod_has_a_uid_without_dashes() -> None:
    """Pods that a kubelet reads from files are named by a digest."""
    path = f"/kubepods.slice/kubepods-pod{STATIC_UID}.slice/cri-containerd-{CONTAINER}.scope"

    assert holder_of_cgroups(f"0::{path}\n") == Holder(HolderKind.POD, STATIC_UID)
    assert pod_uid("pod-of-whales") is None


@pytest.mark.parametrize(
    "cgroups",
    [
        on_v1("/slurm/uid_1000/job_8123/step_0/task_0", "/system.slice/slurmd.service"),
        on_v1("/slurm_gpu07/uid_1000/job_8123/step_batch", "/system.slice/slurmd.service"),
        "0::/system.slice/slurmstepd.scope/job_8123/step_0/user/task_0\n",
        "0::/system.slice/gpu07_slurmstepd.scope/job_8123/step_batch/user/task_special\n",
    ],
)
def test_a_slurm_job_is_known_by_its_number(cgroups: str) -> None:
    """S22: versions 1 and 2, with one slurmd on the host or several."""
    assert holder_of_cgroups(cgroups) == IN_JOB


@pytest.mark.parametrize(
    "cgroups",
    [
        on_v1(
            "/slurm/uid_1000/job_8123/step_extern/task_0",
            "/user.slice/user-1000.slice/session-31.scope",
        ),
        "0::/system.slice/slurmstepd.scope/job_8123/step_extern/user/task_0\n",
    ],
)
def test_an_adopted_session_belongs_to_the_job(cgroups: str) -> None:
    """S23: pam_slurm_adopt puts a login into the job's groups, where no variable of Slurm is; on
    version 1 systemd's own hierarchy still shows the user's session."""
    assert holder_of_cgroups(cgroups) == IN_JOB


@pytest.mark.parametrize(
    ("path", "holder"),
    [
        (f"/docker/{CONTAINER}/docker/{OTHER}", IN_CONTAINER),
        (f"/docker/{CONTAINER}/kubepods/pod{UID}/{OTHER}", IN_CONTAINER),
        (f"/docker/{CONTAINER}/slurm/uid_0/job_9", IN_CONTAINER),
        (f"/docker/{CONTAINER}/user.slice/user-0.slice/session-1.scope", IN_CONTAINER),
        (f"/kubepods/pod{UID}/{CONTAINER}/docker/{OTHER}", IN_POD),
        (f"/slurm/uid_1000/job_8123/step_0/docker/{CONTAINER}", IN_JOB),
        (f"/user.slice/user-1000.slice/user@1000.service/docker-{CONTAINER}.scope", None),
        (
            f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{CONTAINER}.scope",
            None,
        ),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/vllm.service", None),
        ("/user.slice/user-1000.slice/user@1000.service/slurmstepd.scope/job_9", None),
        ("/vllm/uid_1000/job_9", None),
        ("/slurm/job_9", None),
        ("/system.slice/job_9", None),
        ("/system.slice/run-r1.scope", None),
        ("/", None),
    ],
)
def test_what_stands_further_in_takes_nobody_elses_name(path: str, holder: Holder | None) -> None:
    """A container and a user make groups of their own, of any name: the outermost counts."""
    assert holder_of_cgroups(f"0::{path}\n") == holder


@pytest.mark.parametrize(
    "path",
    [
        "/system.slice/vllm.service",
        "/system.slice/vllm.service/worker-3",
        "/system.slice/system-vllm.slice/vllm.service",
    ],
)
def test_a_system_service_is_a_holder(path: str) -> None:
    """With groups of its own below it too."""
    assert holder_of_cgroups(f"0::{path}\n") == Holder(HolderKind.UNIT, "vllm.service")
    assert holder_of_cgroups(on_v1(path)) == Holder(HolderKind.UNIT, "vllm.service")


@pytest.mark.parametrize(
    "inside",
    [
        "system.slice/vllm.service",
        f"docker-{CONTAINER}.scope",
        f"kubepods.slice/kubepods-pod{UID_SYSTEMD}.slice",
        "slurm/uid_1000/job_8123",
    ],
)
@pytest.mark.parametrize(
    ("guest", "holder"),
    [
        ("/lxc.payload.c1", None),
        ("/lxc/c1", None),
        ("/machine.slice/machine-lxc\\x2d1\\x2dc1.scope", None),
        (
            "/machine.slice/systemd-nspawn@c1.service",
            Holder(HolderKind.UNIT, "systemd-nspawn@c1.service"),
        ),
    ],
)
def test_a_guest_with_a_tree_of_its_own_takes_nobodys_name(
    guest: str, holder: Holder | None, inside: str
) -> None:
    """Root of a system container makes groups below it as it likes; none of their names counts."""
    assert holder_of_cgroups(f"0::{guest}/{inside}\n") == holder
    assert holder_of_cgroups(f"0::{guest}/payload/{inside}\n") == holder


@pytest.mark.parametrize(
    "unit",
    ["ssh.service", "sshd.service", "sshd@4-10.0.0.7:22-10.0.0.9:50122.service", "cron.service",
     "crond.service", "atd.service", "slurmd.service"],
)  # fmt: skip
def test_a_service_that_lets_people_in_is_not_who_works(unit: str) -> None:
    """Without a registered session a login stays in its daemon's group: its user is the holder."""
    assert holder_of_cgroups(f"0::/system.slice/{unit}\n") is None


def test_a_group_that_was_removed_under_a_zombie_still_names_its_holder() -> None:
    """P5: the kernel marks the path of a process that outlived its group."""
    cgroups = "0::/system.slice/slurmstepd.scope/job_8123/step_0/user/task_0 (deleted)\n"

    assert holder_of_cgroups(cgroups) == IN_JOB


@pytest.mark.parametrize("cgroups", ["", "nonsense\n", "1:2\n", "::\n"])
def test_what_is_no_list_of_groups_names_nobody(cgroups: str) -> None:
    """A file cut short or of another form is no reason to fail."""
    assert holder_of_cgroups(cgroups) is None
