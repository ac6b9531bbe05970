"""The whole way in a test's folder: the real commands, a serving process, agents, certificates.

`Way` is what the demonstration does, for any hosts, traces, parties and agreements.
"""

import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from kashi_agent.agent import Agent, Signing
from kashi_agent.enrolment import EnrolmentToken, HostFacts, enrol
from kashi_agent.identity import IdentityStore
from kashi_agent.naming import HolderNaming
from kashi_agent.shipping_wire import GrpcWire
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.trace import Trace

from deploy.demo.playing import played, replay_clock
from deploy.demo.stage import Stage, command, kashi_server, serving

PASSWORD = "officer-password"


@dataclass(frozen=True, slots=True)
class Way:
    """One run of the whole way; `random` makes salts, so that a run can be repeated."""

    stage: Stage
    random: Random

    @classmethod
    def begun(cls, root: Path, seed: str, database: str | None = None) -> "Way":
        """Make a demonstration server in a folder."""
        way = cls(Stage(root), Random(seed))
        options = ["--database", database] if database else []
        root.mkdir(parents=True, exist_ok=True)
        (root / PASSWORD).write_text("correct horse battery", encoding="utf-8")
        begin = ("init", "--demo", "--listen", "127.0.0.1", "--port", "0", *options)
        way.server(*begin, *way.officer)
        return way

    @property
    def officer(self) -> tuple[str, ...]:
        """The first officer with the password, as options."""
        return ("--officer", "officer", "--password-file", str(self.stage.root / PASSWORD))

    def server(self, *arguments: str) -> str:
        """Run a command of the server."""
        return kashi_server(self.stage, *arguments)

    @contextmanager
    def serving(self) -> Iterator[dict[str, int]]:
        """Serve as long as the block lasts."""
        with serving(self.stage) as ports:
            yield ports

    def take(self, name: str, text: str) -> None:
        """Import a file of agreements."""
        path = self.stage.root / name
        path.write_text(text, encoding="utf-8")
        self.server("import", str(path), *self.officer)

    def enrolled(self, name: str, operator: str) -> IdentityStore:
        """Enrol a host over the wire."""
        issued = json.loads(self.server("token", operator, *self.officer, "--json"))
        store = IdentityStore(self.stage.host(name))
        facts = HostFacts(
            hostname=name,
            machine_sha256=self.random.randbytes(32),
            operating_system="test",
            architecture="test",
        )
        enrol(store, issued["server"], EnrolmentToken.parse(issued["token"]), facts)
        return store

    def play(self, name: str, store: IdentityStore, trace: Trace, *, step_ms: int) -> int:
        """Play a trace through the host's agent to the server; reports made."""
        clock = replay_clock(trace, uuid.UUID(int=self.random.getrandbits(128)).bytes)
        naming = HolderNaming(store.holder_salt())
        host = store.host()
        agent = Agent(
            spool=Spool(RealDisk(self.stage.host(name) / "spool"), host.host_id),
            clock=clock,
            naming=naming,
            signing=Signing(
                host_id=host.host_id,
                report_key=store.report_key(),
                receipt_key=host.receipt_key(),
            ),
            random=self.random,
            random_bytes=self.random.randbytes,
        )
        wire = GrpcWire(host, store.tls())
        try:
            return agent.replay(played(trace, clock, naming, step_ms=step_ms), wire)
        finally:
            agent.close()
            wire.close()

    def certified(self, month: str) -> dict[str, dict[str, Any]]:
        """Close a month, certify it, verify every certificate offline; statements by user."""
        self.server("close", month)
        self.server("certify", month, "--out", str(self.stage.certificates))
        pdfs = sorted(self.stage.certificates.glob("*.pdf"))
        assert pdfs, "no certificate was issued"
        for pdf in pdfs:
            verify(pdf, self.stage.certificates)
        numbers = json.loads(self.server("statements", "--month", month, "--json"))
        statements = [
            json.loads(self.server("statements", "--number", one["number"])) for one in numbers
        ]
        return {one["user"]["party_id"]: one for one in statements}


def verify(pdf: Path, folder: Path) -> Mapping[str, Any]:
    """What `kashi-verify` says of a certificate with its bundle; fails when it is not valid."""
    (root,) = folder.glob("*.pem")
    done = subprocess.run(
        [
            command("kashi-verify"), "--json", "--root", str(root),
            "--bundle", str(pdf.with_suffix(".zip")), str(pdf),
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{pdf.name}: {done.stdout}{done.stderr}"
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def tables(rows: Sequence[tuple[str, Mapping[str, str | bool]]]) -> str:
    """Agreements as TOML; values that begin with a digit and a dash or are bool stay bare."""
    lines = []
    for name, fields in rows:
        lines.append(f"[[{name}]]")
        for key, value in fields.items():
            bare = isinstance(value, bool) or (value[:4].isdigit() and value[4:5] == "-")
            text = str(value).lower() if isinstance(value, bool) else value
            lines.append(f"{key} = {text}" if bare else f'{key} = "{text}"')
    return "\n".join(lines) + "\n"
