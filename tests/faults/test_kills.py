"""Agent and server are killed again and again at random points, while cards work on.

Real processes throughout: `kashi-agent run --with-meter` with `kashi-meter` on the fake driver,
whose scenario runs by CLOCK_BOOTTIME and so is known to the millisecond whoever lives or dies;
`kashi-server serve`; and further hosts that keep the server committing when it dies. The host also
has a past of hundreds of unsent reports, so that its own shipping is hit in the middle.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

from agent_process import SETTLE_SECONDS, AgentProcess
from fakes.nvml.library import built_library, environment
from fakes.nvml.scenario import Device, Process, Scenario, State
from fixtures_ingest import ReportingHost, stored_sums, sums_of
from fixtures_meter import BUILD, boottime_ms
from fixtures_server import KashiServer
from kashi_agent.reading import GapReason
from kashi_server.bootstrap import opened
from pounding import Pounder
from prepared_host import MINUTE_MS, PreparedHost, enrolled_store, prepared_host
from stored_books import Books, DeviceBooks, Interval, books_of, differences, stored_reports

CADENCE_MS = 100
FLUSH_MS = 10_000
PAST_MINUTES = 600
EDGE_MS = 8_000
EDGE_ERROR_MS = CADENCE_MS + 300
"""A change is seen at the tick after it; a busy machine may be late by some ticks."""

BUSY, CHANGING, IDLE = "GPU-busy", "GPU-changing", "GPU-idle"


@dataclass(slots=True)
class Lives:
    """When agents were killed, and by when the next one was seen to measure; boottime."""

    killed_ms: list[int] = field(default_factory=list)
    measuring_ms: list[int | None] = field(default_factory=list)

    def explain(self, start: int, end: int) -> bool:
        """Whether kills explain a gap: it begins at most 10 s before the first kill in it, and ends
        no later than the restart after the last one, as it was seen from outside."""
        inside = [place for place, at in enumerate(self.killed_ms) if start <= at <= end]
        if not inside or start < self.killed_ms[inside[0]] - FLUSH_MS:
            return False
        last = inside[-1]
        bounds = [self.measuring_ms[last], *self.killed_ms[last + 1 : last + 2]]
        return end <= min(bound for bound in bounds if bound is not None)


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything that is killed, and what stands beside it."""

    server: KashiServer
    agent: AgentProcess
    host: PreparedHost
    scenario: Scenario
    scenario_start_ms: int
    pounders: list[Pounder]
    random: Random
    lives: Lives = field(default_factory=Lives)

    def kill_agents(self, count: int) -> None:
        """Kill the agent so often, each life a random one, short and long."""
        for _ in range(count):
            self._live(self.random.uniform(0.2, 4.0))
            self.lives.killed_ms.append(boottime_ms())
            self.lives.measuring_ms.append(None)
            self.agent.kill()
            self.agent.start()

    def kill_servers(self, count: int, chance: Random) -> None:
        """Kill the server so often; in a thread of its own, so with chances of its own."""
        for _ in range(count):
            time.sleep(chance.uniform(0.1, 3.0))
            self.server.kill()
            self.server.start()

    def _live(self, seconds: float) -> None:
        """Let an agent live so long; note when it was first seen to measure."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.note_measuring()
            time.sleep(0.02)  # the instant of the kill is what is waited for

    def note_measuring(self) -> None:
        """Note that the agent measures, if that is seen for the first time in its life."""
        if self.lives.measuring_ms and self.lives.measuring_ms[-1] is None:
            status = self.agent.status()
            if status is not None and status.samples > 0:
                self.lives.measuring_ms[-1] = boottime_ms()


def cards(start_ms: int) -> Scenario:
    """A card under constant load, one whose load changes every eight seconds, and an idle one."""
    states = tuple(
        State(from_ms=at, gpu_percent=80 * (step % 2), power_mw=300_000)
        for step, at in enumerate(range(0, 600_000, EDGE_MS))
    )
    assert start_ms > 0
    return Scenario(
        devices=(
            Device(
                uuid=BUSY,
                states=(State(from_ms=0, gpu_percent=40, power_mw=400_000),),
                processes=(Process(pid=os.getpid()),),
            ),
            Device(uuid=CHANGING, states=states, pci="00000000:18:00.0"),
            Device(uuid=IDLE, pci="00000000:19:00.0"),
        )
    )


def scene(server: KashiServer, agent: AgentProcess, folder: Path, seed: int, hosts: int) -> Scene:
    """A host with a past and cards, and hosts that pound; nothing of it runs yet."""
    random = Random(seed)
    host = prepared_host(server, agent.folder, seed=f"killed-{seed}", cards=1)
    host.live(PAST_MINUTES)
    host.agent.close()
    pounders = []
    for number in range(hosts):
        store = enrolled_store(server, folder / f"pounder-{number}", f"pounder-{number}", random)
        reporting = ReportingHost(store.host().host_id, [f"GPU-{number}"], seed=seed)
        reporting.key = store.report_key()
        pounders.append(Pounder(store, reporting))
    start_ms = boottime_ms()
    scenario = cards(start_ms)
    path = scenario.write(folder / "scenario", start_boottime_ms=start_ms)
    agent.meter = ["--meter", "nvml", "--cadence-ms", str(CADENCE_MS), "--retry-ms", "200"]
    agent.environment = environment(built_library(BUILD), path, os.environ)
    return Scene(
        server=server,
        agent=agent,
        host=host,
        scenario=scenario,
        scenario_start_ms=start_ms,
        pounders=pounders,
        random=random,
    )


def played(scene: Scene, agent_kills: int, server_kills: int) -> None:
    """Kill both at once, then let everything be delivered and end in order."""
    scene.agent.start()
    scene.agent.until(lambda status: status.samples > 0)
    for pounder in scene.pounders:
        pounder.start()
    killer = threading.Thread(
        target=scene.kill_servers, args=(server_kills, Random(scene.random.random()))
    )
    killer.start()
    scene.kill_agents(agent_kills)
    killer.join(SETTLE_SECONDS)
    assert not killer.is_alive()
    # Both ends live now: the present is measured again, and the past is with the server.
    scene.agent.until(lambda status: status.samples > 0)
    scene.note_measuring()
    scene.agent.until(
        lambda status: status.server_sequence >= PAST_MINUTES and status.unacknowledged_reports == 0
    )
    for pounder in scene.pounders:
        pounder.stop()
    scene.agent.stop()
    check_no_orphan(scene.agent)
    code = scene.server.stop()
    assert code == 0, "".join(scene.server.output[-60:])


def check_no_orphan(agent: AgentProcess) -> None:
    """No meter outlived the agent that started it."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while alive := agent.meters():
        assert time.monotonic() < deadline, f"meters without an agent: {alive}"
        time.sleep(0.05)  # they are nobody's children here: there is nothing else to wait on


def check_past(scene: Scene, books: Books) -> None:
    """What was measured before is there to the millisecond."""
    (past,) = (one for (boot, _), one in books.items() if boot == scene.host.clock.boot)
    past.check()
    assert past.gap_ms == 0
    assert past.elapsed_ms == PAST_MINUTES * MINUTE_MS
    assert past.utilised_ns == sum(utilised for _, utilised in scene.host.truth.values())


def check_cards(scene: Scene, books: Books) -> None:
    """What the killed agents measured is the scenario's truth wherever they say they observed."""
    found = {card: one for (boot, card), one in books.items() if boot != scene.host.clock.boot}
    assert set(found) == {BUSY, CHANGING, IDLE}
    for one in found.values():
        one.check()
        assert one.gap_reasons <= {GapReason.AGENT_DOWN, GapReason.METER_DOWN}
        for start, end in one.whole_gaps:
            assert scene.lives.explain(start, end), (start, end, scene.lives)
    print({card: (one.observed_ms, one.whole_gaps) for card, one in found.items()})
    busy, changing, idle = found[BUSY], found[CHANGING], found[IDLE]
    assert busy.utilised_ns == busy.observed_ms * 400_000
    assert busy.active_ms == busy.held_ms == busy.observed_ms > 0
    assert (idle.utilised_ns, idle.active_ms, idle.held_ms) == (0, 0, 0)
    assert idle.observed_ms > 0
    active_ms, edges = true_active_ms(scene, changing)
    assert abs(changing.active_ms - active_ms) <= edges * EDGE_ERROR_MS
    assert changing.utilised_ns == changing.active_ms * 800_000
    assert changing.held_ms == 0


def true_active_ms(scene: Scene, books: DeviceBooks) -> tuple[int, int]:
    """Active time of the changing card over what was observed of it, and how often it changed."""
    start = scene.scenario_start_ms
    parts: list[Interval] = [(begin - start, end - start) for begin, end in books.observed]
    active_ms = sum(scene.scenario.truth(1, begin, end).active_ms for begin, end in parts)
    edges = sum(end // EDGE_MS - begin // EDGE_MS for begin, end in parts)
    return active_ms, edges


def check_receipts(scene: Scene, stored: dict[tuple[str, int, int], tuple[bytes, bytes]]) -> None:
    """Every receipt that anybody holds has its report in the database, both byte for byte."""
    spool = scene.agent.spool()
    host_id = scene.host.host_id
    kept = {entry.position: spool.sealed.read(entry).wire for entry in spool.sealed.entries()}
    receipts = list(spool.sealed.receipts())
    assert len({position for position, _ in receipts}) == len(kept)
    for position, receipt in receipts:
        assert stored[host_id, *position] == (kept[position], receipt)
    for pounder in scene.pounders:
        assert len(pounder.receipts) == len(pounder.made)
        for place, receipt in pounder.receipts.items():
            key = (pounder.host.host_id, 1, place + 1)
            assert stored[key] == (pounder.made[place], receipt)


def check(scene: Scene) -> None:
    """The books of everybody, from the bytes in the database."""
    with opened(scene.server.directory) as inside:
        assert differences(inside) == []
        with inside.work.begin(writes=False) as unit:
            waiting = [*unit.log.pending_runs(1), *unit.log.pending_entries(1)]
        sums = stored_sums(inside.work)
        hosts = [scene.host.host_id, *(one.host.host_id for one in scene.pounders)]
        reports = {host_id: stored_reports(inside.work, host_id) for host_id in hosts}
    assert {one.verdict for all_ in reports.values() for one in all_} == {1}
    stored = {
        (host_id, one.epoch, one.sequence): (one.wire, one.receipt)
        for host_id, all_ in reports.items()
        for one in all_
    }
    check_receipts(scene, stored)
    wires = [one.wire for one in reports[scene.host.host_id]]
    books = books_of(wires)
    check_past(scene, books)
    check_cards(scene, books)
    made = [wire for pounder in scene.pounders for wire in pounder.made]
    assert len(stored) == len(wires) + len(made)
    assert waiting == [], "the log does not hold everything"
    assert sums == sums_of([*wires, *made])


def test_twenty_dead_agents_and_ten_dead_servers(
    pinned: KashiServer,
    agents: Callable[[Path], AgentProcess],
    fake_nvml: Path,
    tmp_path: Path,
) -> None:
    """kill -9 of the agent 20 times and of the server 10 times, at random points: observed + gap =
    elapsed exactly a device, observed is the truth, each gap is at most 10 s and the restart, not a
    millisecond is doubled, no acknowledged report is lost, and fsck finds nothing."""
    assert fake_nvml.exists()
    run_scene(pinned, agents(tmp_path / "agent"), tmp_path, agent_kills=20, server_kills=10)
    pinned.command("fsck")


def test_dead_servers_on_postgresql(
    pinned_on_postgresql: KashiServer,
    agents: Callable[[Path], AgentProcess],
    fake_nvml: Path,
    tmp_path: Path,
) -> None:
    """The same with PostgreSQL behind the server, four kills of each."""
    assert fake_nvml.exists()
    agent = agents(tmp_path / "agent")
    run_scene(pinned_on_postgresql, agent, tmp_path, agent_kills=4, server_kills=4)


def run_scene(
    server: KashiServer, agent: AgentProcess, folder: Path, *, agent_kills: int, server_kills: int
) -> None:
    """Play a scene to its end and check the books; its seed is printed."""
    seed = int(os.environ.get("KASHI_KILL_SEED", SystemRandom().randrange(1 << 32)))
    print(f"KASHI_KILL_SEED={seed}")
    staged = scene(server, agent, folder, seed, hosts=2)
    played(staged, agent_kills, server_kills)
    check(staged)
    failures = sum(pounder.failures for pounder in staged.pounders)
    doubted = sum(pounder.doubted for pounder in staged.pounders)
    print(f"{failures} calls met a dead server; {doubted} reports were stored, their answer lost")
    assert failures > 0
