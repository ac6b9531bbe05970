"""Where a host keeps what tells who holds its devices: the paths, below roots that are given."""

from dataclasses import dataclass
from pathlib import Path

from kashi_agent.holders import HolderBook
from kashi_agent.holding.device_files import DeviceFiles
from kashi_agent.holding.grants import GrantBook
from kashi_agent.holding.kubelet_grants import KubeletGrants
from kashi_agent.holding.labels import Labels
from kashi_agent.holding.noted_grants import NotedGrants


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingHost:
    """A host's /proc, /sys and root folder."""

    proc: Path
    sys: Path
    root: Path

    def book(self) -> HolderBook:
        """Holders by pid."""
        return HolderBook(self.proc, self._labels)

    def grants(self) -> GrantBook:
        """Grants of Slurm or any other scheduler that notes them, and of a kubelet."""
        cgroups = self.sys / "fs/cgroup"
        plugins = self.root / "var/lib/kubelet/device-plugins"
        checkpoint = plugins / "kubelet_internal_checkpoint"
        noted = NotedGrants(folder=self.root / "run/kashi-grants", cgroups=cgroups)
        kubelet = KubeletGrants(checkpoint, cgroups, self._labels)
        return GrantBook((noted, kubelet), DeviceFiles(self.proc))

    @property
    def _labels(self) -> Labels:
        return Labels(passwd=self.root / "etc/passwd", pod_logs=self.root / "var/log/pods")
