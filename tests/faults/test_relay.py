"""A site behind a relay: outages on both sides, kill -9 of the relay, and files both ways.

The server is the real process, the relay is the real process, hosts run the real agent code. What
the server counts in the end is what the hosts measured, minute by minute, once.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from agent_process import AgentProcess
from fixtures_ingest import stored_sums
from fixtures_server import KashiServer
from free_port import free_port
from kashi_agent.errors import AgentError
from kashi_agent.shipping_files import answer_in
from kashi_server.bootstrap import opened
from prepared_host import MinuteTruth
from relayed_host import RelayedHost, RelayProcess, enrolled_by_file, relayed_host
from stored_books import differences, stored_reports

NAMES = ["node-1", "node-2", "node-3"]


@pytest.fixture
def relay(pinned: KashiServer, tmp_path: Path) -> Iterator[RelayProcess]:
    """An enrolled relay, not started."""
    made = RelayProcess(folder=tmp_path / "relay", port=free_port())
    made.enrol(pinned)
    yield made
    made.end()


@pytest.fixture
def hosts(pinned: KashiServer, tmp_path: Path) -> Iterator[list[RelayedHost]]:
    """Three hosts enrolled by files, their agents started."""
    stores = enrolled_by_file(pinned, tmp_path, NAMES)
    made = [relayed_host(store, seed=name) for name, store in zip(NAMES, stores, strict=True)]
    yield made
    for host in made:
        host.agent.close()


def counted(server: KashiServer, host: RelayedHost) -> MinuteTruth:
    """What the server counts of a host, minute by minute; what it stores is whole."""
    with opened(server.directory) as inside:
        assert differences(inside) == []
        return {
            (hardware_id, minute): (quantities.observed_ms, quantities.utilised_ns)
            for (host_id, hardware_id, minute), quantities in stored_sums(inside.work).items()
            if host_id == host.host_id
        }


def epochs(server: KashiServer, host: RelayedHost) -> set[int]:
    """Epochs the server holds of a host."""
    with opened(server.directory) as inside:
        return {report.epoch for report in stored_reports(inside.work, host.host_id)}


def hand_over(hosts: list[RelayedHost], relay: RelayProcess) -> int:
    """Every host ships what it can; how many could not."""
    failed = 0
    for host in hosts:
        way = host.way(relay.address)
        try:
            host.ship_by(way)
        except AgentError:
            failed += 1
        finally:
            way.close()
    return failed


def fetch(hosts: list[RelayedHost], relay: RelayProcess) -> None:
    """Every host takes what came back."""
    for host in hosts:
        way = host.way(relay.address)
        host.fetch(way)
        way.close()


def test_three_hosts_behind_a_relay_lose_nothing_in_any_outage(
    pinned: KashiServer, relay: RelayProcess, hosts: list[RelayedHost]
) -> None:
    """The server is down, the relay is down, the relay is killed while it takes and while it
    forwards: every minute is counted once, in one epoch, and every receipt reaches its host."""
    random = Random(7)
    relay.start()
    for host in hosts:
        host.live(5)
    assert hand_over(hosts, relay) == 0
    assert not any(host.delivered for host in hosts), "nobody has a receipt before the server"
    relay.until_forwarded()
    fetch(hosts, relay)
    assert all(host.delivered for host in hosts), [h.agent.shipper.state for h in hosts]

    pinned.kill()
    for _ in range(6):
        for host in hosts:
            host.live(random.randint(1, 4))
        hand_over(hosts[: random.randint(1, 3)], relay)
        relay.kill()
        hosts[0].live(1)
        assert hand_over(hosts[:1], relay) == 1
        relay.start()
    assert hand_over(hosts, relay) == 0
    assert all(one["waiting_reports"] > 0 for one in relay.standings())

    pinned.start()
    for _ in range(3):
        relay.kill()
        relay.start()
        for host in hosts:
            host.live(1)
        hand_over(hosts, relay)
    relay.until_forwarded()
    fetch(hosts, relay)

    assert all(host.delivered for host in hosts)
    for host in hosts:
        assert epochs(pinned, host) == {1}
        assert counted(pinned, host) == host.truth
    relay.stop()


def test_a_relay_that_lost_everything_costs_time_alone(
    pinned: KashiServer, relay: RelayProcess, hosts: list[RelayedHost]
) -> None:
    """Its store is gone before anything was forwarded: hosts still have what they were not
    receipted for, and hand it over again."""
    pinned.kill()
    relay.start()
    for host in hosts:
        host.live(7)
    assert hand_over(hosts, relay) == 0
    relay.stop()
    (relay.folder / "state" / "relay.db").unlink()
    relay.start()
    for host in hosts:
        host.live(1)
    assert hand_over(hosts, relay) == 0
    pinned.start()
    relay.kill()
    relay.start()
    relay.until_forwarded()  # the server tells that reports before these are missing
    for host in hosts:
        host.live(1)
    assert hand_over(hosts, relay) == 0
    relay.until_forwarded()
    fetch(hosts, relay)

    assert all(host.delivered for host in hosts)
    for host in hosts:
        assert counted(pinned, host) == host.truth


def test_a_damaged_store_is_set_aside(
    pinned: KashiServer, relay: RelayProcess, hosts: list[RelayedHost]
) -> None:
    """A relay starts on a store of rubbish, keeps the rubbish, and everything is delivered."""
    (relay.folder / "state").mkdir(parents=True, exist_ok=True)
    (relay.folder / "state" / "relay.db").write_bytes(b"no database" * 1000)
    relay.start()
    assert (relay.folder / "state" / "relay.corrupt").exists()
    hosts[0].live(3)
    assert hand_over(hosts[:1], relay) == 0
    relay.until_forwarded()

    assert counted(pinned, hosts[0]) == hosts[0].truth


def test_a_site_without_any_connection_carries_files_both_ways(
    pinned: KashiServer, relay: RelayProcess, hosts: list[RelayedHost], tmp_path: Path
) -> None:
    """Relay to server and back by files alone. A file that is lost costs nothing, one that is
    brought twice changes nothing and gives the same receipts, byte for byte."""
    relay.forward = "files"
    relay.start()
    stick, back = tmp_path / "stick", tmp_path / "back"
    stick.mkdir()
    back.mkdir()
    for host in hosts:
        host.live(6)
    assert hand_over(hosts, relay) == 0
    relay.run("export", str(stick))
    shutil.rmtree(stick)  # it got lost
    stick.mkdir()
    for host in hosts:
        host.live(2)
    assert hand_over(hosts, relay) == 0
    relay.run("export", str(stick))
    (file,) = stick.glob("kashi-relay-*.reports")
    first = pinned.command("import-reports", str(file), "--out", str(back), "--json")
    (receipts,) = back.glob("*.receipts")
    again = receipts.with_name("again")
    receipts.rename(again)
    second = pinned.command("import-reports", str(file), "--out", str(back), "--json")
    relay.run("take", str(receipts))
    fetch(hosts, relay)

    assert '"accepted"' in first
    assert '"accepted"' not in second
    assert '"duplicate"' in second
    assert all(host.delivered for host in hosts)
    for host in hosts:
        assert counted(pinned, host) == host.truth
        stored = receipts_in(again, host.host_id)
        assert stored == receipts_in(receipts, host.host_id)
        assert stored == tuple(bytes(r) for _, r in host.agent.spool.sealed.receipts())
    assert "Nothing waits" in relay.run("export", str(stick))


def test_the_daemon_ships_through_the_relay_that_its_settings_name(
    pinned: KashiServer,
    relay: RelayProcess,
    hosts: list[RelayedHost],
    agents: Callable[[Path], AgentProcess],
) -> None:
    """`relay = "HOST:PORT"` in agent.toml, the real process: what it had not sealed goes to the
    relay, from there to the server, and receipts come back with what it hands over next."""
    host = hosts[0]
    host.live(7)
    host.agent.close()
    relay.start()
    agent = agents(host.folder)
    agent.relay = relay.address
    agent.start()
    agent.until(lambda status: status.verdicts.get("relayed", 0) >= 7)
    relay.until_forwarded()
    agent.stop()  # it seals the rest, hands it over, and takes what came back

    sealed = agent.spool().sealed
    assert agent.log.count("trying again") == 0
    assert sealed.acknowledged >= (1, 7)
    assert sealed.unacknowledged < sealed.size
    relay.until_forwarded()
    assert counted(pinned, host) == host.truth
    host.start()


def receipts_in(path: Path, host_id: str) -> tuple[bytes, ...]:
    """Receipts of a host in a file, as an agent reads them."""
    return answer_in(path, host_id).receipts
