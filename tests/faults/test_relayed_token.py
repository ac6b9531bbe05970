"""A host by its key token behind a relay: what the relay can do to its claim and to its reports.

The server and the relay are the real processes; the host runs the real agent code, its key in a
token in software that is pulled out and put back.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from claimed_tokens import DOCUMENT, PHOTO, key_confirming
from fixtures_identity import PARTY
from fixtures_ingest import stored_sums
from fixtures_server import KashiServer
from free_port import free_port
from kashi_agent.carried_enrolment import take_response, write_enrolment_request
from kashi_agent.enrolment import EnrolmentToken, host_facts
from kashi_agent.errors import KeyTokenError
from kashi_agent.identity import IdentityStore
from kashi_server.bootstrap import opened
from kashi_server.domain.key_word import KeyStanding, key_standing
from key_tokens import KeyTokens, key_tokens
from relayed_host import WALL, RelayedHost, RelayProcess, relayed_host
from released_hosts import OFFICERS, add_officers
from stored_books import differences, stored_reports


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[KeyTokens]:
    """A token in software."""
    (tmp_path / "p11").mkdir()
    with key_tokens(tmp_path / "p11") as drawer:
        yield drawer


@pytest.fixture
def relay(pinned: KashiServer, tmp_path: Path) -> Iterator[RelayProcess]:
    """An enrolled relay, started."""
    made = RelayProcess(folder=tmp_path / "relay", port=free_port())
    made.enrol(pinned)
    made.start()
    yield made
    made.end()


def asked(server: KashiServer, tokens: KeyTokens, folder: Path) -> tuple[IdentityStore, Path]:
    """A machine with its key in the token, and its request to be let in."""
    store = IdentityStore(folder / "host" / "state" / "identity", tokens.settings("relayed"))
    store.folder.mkdir(parents=True)
    request = folder / "host.request"
    token = EnrolmentToken.parse(server.token(PARTY))
    write_enrolment_request(request, store, host_facts(), known_by=token, utc_ms=WALL.utc_ms())
    return store, request


@pytest.fixture
def host(pinned: KashiServer, tokens: KeyTokens, tmp_path: Path) -> Iterator[RelayedHost]:
    """The host, let in by a file, its agent started."""
    store, request = asked(pinned, tokens, tmp_path)
    pinned.command("enrol-requests", str(request))
    take_response(request.with_name(request.name + ".response"), store)
    made = relayed_host(store, seed="token")
    yield made
    made.agent.close()


def by_relay(host: RelayedHost, relay: RelayProcess, act: Callable[..., object]) -> None:
    """Ship to it, or fetch from it."""
    way = host.way(relay.address)
    try:
        act(way)
    finally:
        way.close()


def standing(server: KashiServer, host_id: str) -> KeyStanding:
    """How the server has the host's claim; what it stores is whole."""
    with opened(server.directory) as inside:
        assert differences(inside) == []
        (known,) = [one for one in inside.hosts.all() if one.host_id == host_id]
        return key_standing(known.facts.key_token, inside.hosts.key_words().get(host_id, ()))


def test_a_token_host_behind_a_relay_loses_nothing_without_token_server_or_relay(
    pinned: KashiServer, relay: RelayProcess, tokens: KeyTokens, host: RelayedHost, tmp_path: Path
) -> None:
    """The token is away, then the server, then the relay is killed: what was measured meanwhile is
    signed when the token is back, counted once, in one epoch, and receipted. The claim reached the
    server whole, two officers confirm it, and the relay's own key stays one in a file."""
    host.live(3)
    tokens.pull_out()
    try:
        host.live(4)
        with pytest.raises(KeyTokenError):
            by_relay(host, relay, host.ship_by)
        unsigned = host.agent.shipper.state.unsigned
    finally:
        tokens.put_back()
    by_relay(host, relay, host.ship_by)
    signed = host.agent.shipper.state.unsigned
    relay.until_forwarded()
    pinned.kill()
    host.live(2)
    by_relay(host, relay, host.ship_by)
    relay.kill()
    host.live(1)
    relay.start()
    by_relay(host, relay, host.ship_by)
    pinned.start()
    relay.kill()
    relay.start()
    relay.until_forwarded()
    by_relay(host, relay, host.fetch)

    assert ("kashi-test" in unsigned, signed) == (True, "")
    assert host.delivered
    with opened(pinned.directory) as inside:
        assert {one.epoch for one in stored_reports(inside.work, host.host_id)} == {1}
        counted = {
            (hardware_id, minute): (quantities.observed_ms, quantities.utilised_ns)
            for (host_id, hardware_id, minute), quantities in stored_sums(inside.work).items()
            if host_id == host.host_id
        }
    assert counted == host.truth
    assert standing(pinned, host.host_id) is KeyStanding.CLAIMED
    with opened(pinned.directory) as inside:
        add_officers(inside.work)
        keys = key_confirming(inside.work, inside.clock, inside.directory / "files")
        for officer, document in zip(OFFICERS, (DOCUMENT, PHOTO), strict=True):
            keys.confirm(host.host_id, officer, "seen", document)
    assert standing(pinned, host.host_id) is KeyStanding.CONFIRMED
    relay_id = relay.identity.host().host_id
    assert standing(pinned, relay_id) is KeyStanding.FILE
