"""A host's /proc, made of files: processes as the kernel shows them."""

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
        (folder / "stat").write_text(f"{pid} ({command}) {fields}\n")
        (folder / "status").write_text(f"Name:\ta) b\nUid:\t{uid}\t0\t0\t0\nGid:\t1\t1\t1\t1\n")
        (folder / "cgroup").write_text(cgroup)

    def end(self, pid: int) -> None:
        """The process is gone."""
        folder = self.root / str(pid)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
