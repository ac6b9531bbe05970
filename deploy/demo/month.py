"""A host's month through the real agent and the real wire, on a clock that is moved on."""

import json
import secrets
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from kashi_agent.agent import Agent, Signing
from kashi_agent.enrolment import EnrolmentToken, HostFacts, enrol
from kashi_agent.identity import IdentityStore
from kashi_agent.naming import HolderNaming
from kashi_agent.shipping_wire import GrpcWire
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.stretch import Stretch

from deploy.demo.playing import played, replay_clock
from deploy.demo.scene import DemoHost
from deploy.demo.stage import Stage, as_officer, kashi_server

STEP_MS = 3_600_000
"""One report an hour: 480 readings of 8 devices."""


def enrolled(stage: Stage, host: DemoHost) -> IdentityStore:
    """Enrol a host with a token of the server, over TLS, as `kashi-agent enrol` does."""
    issued = json.loads(
        kashi_server(stage, "token", host.operator.party_id, *as_officer(stage), "--json")
    )
    store = IdentityStore(stage.host(host.name))
    facts = HostFacts(
        hostname=host.name,
        machine_sha256=secrets.token_bytes(32),
        operating_system="generated workload",
        architecture="x86_64",
    )
    enrol(store, issued["server"], EnrolmentToken.parse(issued["token"]), facts)
    return store


def ship_month(
    stage: Stage, host: DemoHost, store: IdentityStore, progress: Callable[[int], None]
) -> int:
    """Play the host's month through its agent to the server; reports made.

    Args:
        progress: told the milliseconds of the month played so far.
    """
    identity = store.host()
    trace = host.workload()
    clock = replay_clock(trace, uuid.uuid5(uuid.NAMESPACE_URL, host.name).bytes)
    naming = HolderNaming(store.holder_salt())
    agent = Agent(
        spool=Spool(RealDisk(stage.host(host.name) / "spool"), identity.host_id),
        clock=clock,
        naming=naming,
        signing=Signing(
            host_id=identity.host_id,
            report_key=store.report_key(),
            receipt_key=identity.receipt_key(),
        ),
        random=Random(host.name),
        random_bytes=secrets.token_bytes,
    )
    wire = GrpcWire(identity, store.tls())

    def watched() -> Iterator[Stretch]:
        for stretch in played(trace, clock, naming, step_ms=STEP_MS):
            progress(clock.boottime)
            yield stretch

    try:
        return agent.replay(watched(), wire)
    finally:
        agent.close()
        wire.close()


def folder_bytes(folder: Path) -> int:
    """Size of everything in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
