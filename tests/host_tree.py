"""A host made of files: its processes, cards and pods as kernel, driver and kubelet show them."""

import json
from pathlib import Path

from kashi_agent.holders import INITIAL_PID_NAMESPACE


class ProcTree:
    """A /proc under `root`, in the host's first pid namespace unless told otherwise."""

    def __init__(self, root: Path, namespace: str = INITIAL_PID_NAMESPACE) -> None:
        self.root = root
        namespaces = root / "self" / "ns"
        namespaces.mkdir(parents=True)
        (namespaces / "pid").symlink_to(namespace)
        self.write(1, cgroup="0::/init.scope\n", uid=0)

    def write(
        self,
        pid: int,
        *,
        start_ticks: int = 777,
        uid: int = 1_000,
        cgroup: str = "0::/\n",
        command: str = "a) b (c)",
    ) -> None:
        """A process, by default with a name that makes careless parsers stumble."""
        folder = self.root / str(pid)
        folder.mkdir(parents=True, exist_ok=True)
        fields = " ".join(["S", *["1"] * 18, str(start_ticks), *["0"] * 30])
        # Another file for another process, as the kernel has it: not the same one written over.
        fresh = self.root / f".{pid}"
        fresh.write_text(f"{pid} ({command}) {fields}\n")
        fresh.replace(folder / "stat")
        (folder / "status").write_text(f"Name:\ta) b\nUid:\t{uid}\t0\t0\t0\nGid:\t1\t1\t1\t1\n")
        (folder / "cgroup").write_text(cgroup)

    def end(self, pid: int) -> None:
        """The process is gone."""
        folder = self.root / str(pid)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def write_card(proc: Path, bus: str, minor: int) -> None:
    """A card as the driver's /proc describes it."""
    folder = proc / "driver" / "nvidia" / "gpus" / bus
    folder.mkdir(parents=True)
    (folder / "information").write_text(
        f"Model: \t\t NVIDIA A100\nIRQ:   \t\t 187\nGPU UUID: \t GPU-????????-????\n"
        f"Bus Location: \t {bus}\nDevice Minor: \t {minor}\nGPU Excluded:\t No\n"
    )


def checkpoint(*entries: tuple[str, str, object]) -> str:
    """A device manager's checkpoint: pod, resource and device ids of each entry."""
    return json.dumps(
        {
            "Data": {
                "PodDeviceEntries": [
                    {
                        "PodUID": pod,
                        "ContainerName": "main",
                        "ResourceName": resource,
                        "DeviceIDs": ids,
                        "AllocResp": "CgA=",
                    }
                    for pod, resource, ids in entries
                ],
                "RegisteredDevices": {"nvidia.com/gpu": ["GPU-0", "GPU-1"]},
            },
            "Checksum": 2_305_671_204,
        }
    )


class KubeletTree:
    """A node with a kubelet's checkpoint and the control groups of its pods."""

    def __init__(self, root: Path) -> None:
        plugins = root / "var" / "lib" / "kubelet" / "device-plugins"
        self.path = plugins / "kubelet_internal_checkpoint"
        self.cgroups = root / "sys" / "fs" / "cgroup"
        self.logs = root / "var" / "log" / "pods"
        for folder in (self.path.parent, self.logs):
            folder.mkdir(parents=True, exist_ok=True)

    def pod(self, uid: str, *, where: str = "kubepods.slice") -> Path:
        """A pod's control group, as systemd's driver makes it."""
        name = f"kubepods-burstable-pod{uid.replace('-', '_')}.slice"
        folder = self.cgroups / where / "kubepods-burstable.slice" / name
        folder.mkdir(parents=True)
        return folder

    def write(self, *entries: tuple[str, str, object]) -> None:
        """A new checkpoint, in place of the old one as a kubelet does it."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(checkpoint(*entries))
        fresh.replace(self.path)
