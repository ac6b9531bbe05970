"""What people call a holder, from the host's own files; told onwards only where names may be.

A user's name comes from the local password file alone: asking the system's name service could wait
for a directory server, and a meter must not wait for a network.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kashi_agent.sample import HolderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Where names stand: `passwd` is a password file, `pod_logs` the kubelet's folder of logs."""

    passwd: Path
    pod_logs: Path

    def of(self, kind: HolderKind, name: str) -> str:
        """The user's name, or namespace/name of the pod; "" where it is not told."""
        try:
            match kind:
                case HolderKind.USER:
                    return user_name(self.passwd.read_text("utf-8", "surrogateescape"), name)
                case HolderKind.POD:
                    return pod_name((folder.name for folder in self.pod_logs.iterdir()), name)
                case _:
                    return ""
        except OSError:
            return ""


def user_name(passwd: str, uid: str) -> str:
    """The name of a user id in the text of a password file; "" when it is not there."""
    fields = (line.split(":") for line in passwd.splitlines())
    return next((field[0] for field in fields if field[2:3] == [uid]), "")


def pod_name(folders: Iterable[str], uid: str) -> str:
    """namespace/name of a pod: a kubelet names its folder of logs namespace_name_uid."""
    for folder in folders:
        match folder.split("_"):
            case [namespace, name, found] if found == uid:
                return f"{namespace}/{name}"
    return ""
