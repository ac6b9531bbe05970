"""Hosts behind a relay: enrolled by files, their agents driven by hand, and the real relay process.

What each minute was is known here without any of the code that measures or carries.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from fixtures_identity import PARTY
from fixtures_server import KashiServer
from kashi_agent.carried_enrolment import take_response, write_enrolment_request
from kashi_agent.carrier import ClosableWire
from kashi_agent.config import AgentConfig
from kashi_agent.enrolment import EnrolmentToken, HostFacts, enrol
from kashi_agent.identity import IdentityStore
from kashi_agent.shipping import Answer, Batch, Wire
from kashi_agent.wiring import Member, real_way
from prepared_host import PreparedHost, booted_clock, cards_named, two_days_before

from deploy.demo.manual_clock import ManualClock

SETTLE_SECONDS = 60
POLL_SECONDS = 0.05


@dataclass(slots=True, kw_only=True)
class RelayedHost(PreparedHost):
    """A host whose agent ships through somebody who is not believed."""

    def way(self, relay: str) -> ClosableWire:
        """The way that the settings name: HOST:PORT of a relay, or "files"."""
        config = AgentConfig(state_folder=self.folder / "state", relay=relay)
        known = Member(store=self.store, host=self.store.host())
        return real_way(config, known, WALL, self.agent.known_up_to)

    def ship_by(self, wire: Wire) -> None:
        """Hand over everything there is to seal."""
        self.agent.ship(wire)

    def fetch(self, wire: Wire) -> Answer:
        """Ask for what came back, and take it."""
        answer = wire.submit([])
        self.agent.shipper.absorb(Batch(), answer, self.clock.utc_ms())
        return answer

    @property
    def delivered(self) -> bool:
        """Whether the server's receipt is here for every report."""
        sealed = self.agent.spool.sealed
        return sealed.size > 0 and sealed.unacknowledged == 0


class _WallClock(ManualClock):
    def utc_ms(self) -> int:
        return time.time_ns() // 1_000_000


WALL = _WallClock(boottime=0, monotonic=0, utc=0)
"""The clock by which certificates are valid."""


def facts_of(name: str, random: Random) -> HostFacts:
    """What a machine says of itself."""
    return HostFacts(
        hostname=name,
        machine_sha256=random.randbytes(32),
        operating_system="test",
        architecture="test",
    )


def enrolled_by_file(
    server: KashiServer, folder: Path, names: list[str], party: str = PARTY
) -> list[IdentityStore]:
    """Enrol a party's machines by request files, all in one command, and take the answers."""
    stores, requests = [], []
    for name in names:
        store = IdentityStore(folder / name / "state" / "identity")
        store.folder.mkdir(parents=True)
        request = folder / f"{name}.request"
        write_enrolment_request(
            request,
            store,
            facts_of(name, Random(name)),
            known_by=EnrolmentToken.parse(server.token(party)),
            utc_ms=WALL.utc_ms(),
        )
        stores.append(store)
        requests.append(request)
    server.command("enrol-requests", *map(str, requests))
    for store, request in zip(stores, requests, strict=True):
        take_response(request.with_name(request.name + ".response"), store)
    return stores


def relayed_host(
    store: IdentityStore, *, seed: str, cards: int = 2, utc_ms: int | None = None
) -> RelayedHost:
    """A host with this identity on a whole hour two days ago, or at `utc_ms`; its agent started."""
    random = Random(seed)
    host = RelayedHost(
        folder=store.folder.parent.parent,
        store=store,
        carried=True,
        clock=booted_clock(utc_ms or two_days_before(store.host().enrolled_utc_ms), random),
        random=random,
        devices=cards_named(seed, cards),
    )
    host.start()
    return host


@dataclass(slots=True, kw_only=True)
class RelayProcess:
    """The real `kashi-agent relay run`, to be killed and started again on one port."""

    folder: Path
    port: int
    forward: str = "online"
    proxy: str = ""
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """Where hosts reach it."""
        return f"localhost:{self.port}"

    @property
    def settings(self) -> Path:
        """Its settings file, written anew."""
        path = self.folder / "relay.toml"
        self.folder.mkdir(parents=True, exist_ok=True)
        proxy = f'proxy = "{self.proxy}"\n' if self.proxy else ""
        path.write_text(
            f'[relay]\nstate_folder = "{self.folder}/state"\nlisten = "localhost:{self.port}"\n'
            f'names = ["localhost"]\nforward = "{self.forward}"\n{proxy}',
            encoding="utf-8",
        )
        return path

    @property
    def identity(self) -> IdentityStore:
        """Its keys and what the server told it."""
        return IdentityStore(self.folder / "state" / "identity")

    def enrol(self, server: KashiServer) -> None:
        """Give it an identity over the wire."""
        self.settings  # noqa: B018 - writes them
        token = EnrolmentToken.parse(server.token(PARTY))
        facts = facts_of("relay", Random("relay"))
        enrol(
            self.identity,
            server.address("enrolment"),
            token,
            facts,
            relay_names=("localhost",),
        )

    def start(self) -> None:
        """Start it; returns when it listens."""
        log = (self.folder / "relay.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*self.command("run")],
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment,
            )
        assert self.process.stdout is not None
        deadline = threading.Timer(SETTLE_SECONDS, self.process.kill)
        deadline.start()
        line = self.process.stdout.readline()
        deadline.cancel()
        assert b"listens" in line, self.log

    def command(self, *words: str) -> list[str]:
        """A command line of it."""
        verb, *rest = words
        settings = str(self.settings)
        return [
            sys.executable, "-m", "kashi_agent.cli", "relay", verb, "--config", settings, *rest,
        ]  # fmt: skip

    def run(self, *words: str, expect: int = 0) -> str:
        """Run one of its commands; what it said."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def standings(self) -> list[dict[str, Any]]:
        """How its hosts stand, as it says itself."""
        found: list[dict[str, Any]] = json.loads(self.run("status", "--json"))
        return found

    def until(self, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The first standings for which the condition holds."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            standings = self.standings()
            if condition(standings):
                return standings
            # Its store is a file: there is nothing to wait on but the file itself.
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"the relay stands at {self.standings()}:\n{self.log}")

    def until_forwarded(self) -> None:
        """Wait until nothing waits."""
        self.until(lambda standings: all(one["waiting_reports"] == 0 for one in standings))

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self._wait()

    def stop(self) -> None:
        """SIGTERM; it ends with 0."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self._wait() == 0, self.log

    def end(self) -> None:
        """Make sure that it does not outlive its test."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self._wait()

    @property
    def log(self) -> str:
        """Everything it said."""
        return (self.folder / "relay.log").read_text(encoding="utf-8")

    def _wait(self) -> int:
        assert self.process is not None
        code = self.process.wait(SETTLE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
