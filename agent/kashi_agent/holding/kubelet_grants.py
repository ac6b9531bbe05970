"""What a kubelet gave to which pod, from the checkpoint of its device manager.

The file is root's alone: it takes CAP_DAC_READ_SEARCH to read it, and without that, on a host with
a kubelet, grants are unread. It keeps pods that have ended until the next one is admitted, so a
grant counts only while its pod has a control group.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kashi_agent.holding.cgroups import pod_uid
from kashi_agent.holding.grants import Grant, Grants
from kashi_agent.holding.labels import Labels
from kashi_agent.sample import Holder, HolderKind

VENDORS: Final = ("nvidia.com/", "huawei.com/")
"""Resources that are accelerators."""

_HIERARCHIES: Final = ("", "memory", "pids", "systemd")
"""Where control groups may hang: version 2, else in some hierarchy of version 1."""

_Json = Any  # what json gives: checked field by field below


class KubeletGrants:
    """Grants of one kubelet, by its checkpoint's path; `cgroups` is where control groups are."""

    def __init__(self, checkpoint: Path, cgroups: Path, labels: Labels) -> None:
        self._path = checkpoint
        self._cgroups = cgroups
        self._labels = labels
        self._version: tuple[int, ...] | None = None
        self._entries: list[tuple[str, str]] = []

    def read(self) -> Grants:
        """The grants of all pods that live."""
        try:
            self._take_in()
            live = live_pods(self._cgroups) if self._entries else set()
        except FileNotFoundError:
            return Grants()  # no kubelet, or none that ever gave a device away
        except OSError as error:
            return Grants(unread=f"{self._path}: {error.strerror}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            what = (
                f"{self._path} 的形式未知。{self._path} is not in a form that is known: {error!r}"
            )
            return Grants(unread=what)
        if self._entries and not live:
            what = f"{self._path} 中的 Pod 都没有控制组。"
            return Grants(unread=f"{what}No pod of {self._path} has a control group")
        return Grants(tuple(self._grant(pod, name) for pod, name in self._entries if pod in live))

    def _take_in(self) -> None:
        """Read the file if it is another than last time."""
        found = self._path.stat()
        version = (found.st_ino, found.st_size, found.st_mtime_ns)
        if version != self._version:
            self._entries = sorted(set(entries_of(json.loads(self._path.read_bytes()))))
            self._version = version

    def _grant(self, pod: str, device: str) -> Grant:
        return Grant(device, Holder(HolderKind.POD, pod, self._labels.of(HolderKind.POD, pod)))


def entries_of(checkpoint: _Json) -> Iterator[tuple[str, str]]:
    """Pods and the accelerators given to them, by id.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the checkpoint is of another form.
    """
    for entry in checkpoint["Data"]["PodDeviceEntries"] or ():
        if not str(entry["ResourceName"]).startswith(VENDORS):
            continue
        ids = entry["DeviceIDs"]
        # By NUMA node since 1.20, a plain list before.
        lists = [ids] if isinstance(ids, list) else ids.values()
        for name in (name for listed in lists for name in listed):
            if not isinstance(name, str):
                raise TypeError(f"device id {name!r}")
            # NVIDIA's plugin names the replicas of a time-sliced device id::0, id::1, ...
            yield str(entry["PodUID"]), name.partition("::")[0]


def live_pods(cgroups: Path) -> set[str]:
    """The uids of all pods that have a control group."""
    found: set[str] = set()
    for hierarchy in _HIERARCHIES:
        root = cgroups / hierarchy
        for top in (*root.glob("*kubepods*"), *root.glob("*/*kubepods*")):
            for folder in (*top.glob("*"), *top.glob("*/*")):
                uid = pod_uid(folder.name)
                if uid is not None:
                    found.add(uid)
        if found:
            break
    return found
