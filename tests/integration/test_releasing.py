"""The release of a held host: two officers' words, whole or not at all."""

from collections.abc import Callable

import pytest
from fixtures_ingest import ReportingHost, enrol, stored_sums, sums_of
from kashi_server.errors import Refused, StorageError
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.storage.facts import FactRepository
from kashi_server.storage.unit_of_work import Work
from released_hosts import OFFICERS, add_officers, release, releasing

HOST = "11111111-0000-4000-8000-000000000001"
Clock = Callable[[], int]


@pytest.fixture
def held(work: Work, ingestion: Ingestion, clock: Clock) -> list[bytes]:
    """Three reports of a host that an officer holds, stored and not counted; two officers."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    add_officers(work)
    HostKeeping(work, clock).hold(HOST, OFFICERS[0], "odd")
    wires = [host.report() for _ in range(3)]
    ingestion.ingest([Submission(host.standing(HostState.HELD), wires)])
    assert stored_sums(work) == {}
    return wires


def standing(work: Work) -> tuple[HostState, str | None]:
    """How the host stands, and who asked for its release."""
    with work.begin(writes=False) as unit:
        host = unit.identity.host(HOST)
    assert host is not None
    return host.state, host.release_requested_by


def close_account(work: Work, login: str) -> None:
    """Whoever it was is no officer any more."""
    with work.begin() as unit:
        account = unit.accounts.by_login(login)
        assert account is not None
        unit.accounts.disable(account.account_id, 1)
        unit.commit()


def test_what_stops_the_counting_stops_the_release(
    work: Work, clock: Clock, held: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away while the second officer's word is taken: the host stays held, the
    first word stands, nothing counts, and the same command then does it all."""

    def gone(*_args: object) -> None:
        raise StorageError("数据库不可用。the database is not there")

    first, second = OFFICERS
    both = releasing(work, clock)
    assert both.release(HOST, first, "fine") is None
    with monkeypatch.context() as broken:
        broken.setattr(FactRepository, "settle", gone)
        with pytest.raises(StorageError):
            both.release(HOST, second, "fine")
    after = (standing(work), stored_sums(work))

    restored = both.release(HOST, second, "fine")

    assert after == ((HostState.HELD, first), {})
    assert restored is not None
    assert restored.counted == [(1, 1), (1, 2), (1, 3)]
    assert stored_sums(work) == sums_of(held)
    assert standing(work) == (HostState.ACTIVE, None)


@pytest.mark.parametrize("again", ["officer-a", "OFFICER-A", " officer-a "])
def test_one_officer_is_one_however_it_is_spelled(
    work: Work, clock: Clock, held: list[bytes], again: str
) -> None:
    """A login in other letters is the same person."""
    assert held
    both = releasing(work, clock)
    assert both.release(HOST, "officer-a", "fine") is None

    with pytest.raises(Refused, match="another officer"):
        both.release(HOST, again, "fine")
    assert standing(work)[0] is HostState.HELD


@pytest.mark.parametrize("login", ["nobody", "officer-b"])
def test_who_is_no_officer_has_no_word(
    work: Work, clock: Clock, held: list[bytes], login: str
) -> None:
    """Neither as the first nor as the second: an unknown login, an account that was closed."""
    assert held
    close_account(work, "officer-b")
    both = releasing(work, clock)
    with pytest.raises(Refused, match="no officer here"):
        both.release(HOST, login, "fine")
    assert both.release(HOST, "officer-a", "fine") is None
    with pytest.raises(Refused, match="no officer here"):
        both.release(HOST, login, "fine")

    assert standing(work) == (HostState.HELD, "officer-a")
    assert stored_sums(work) == {}


def test_the_word_of_one_who_left_counts_no_more(
    work: Work, clock: Clock, held: list[bytes]
) -> None:
    """The first officer's account was closed meanwhile: the next word is the first one, a third
    officer's is the second, and the host is not locked for good."""
    add_officers(work, "officer-c")
    both = releasing(work, clock)
    assert both.release(HOST, "officer-a", "fine") is None
    close_account(work, "officer-a")

    assert both.release(HOST, "officer-b", "fine") is None
    assert standing(work) == (HostState.HELD, "officer-b")
    assert both.release(HOST, "officer-c", "fine") is not None
    assert stored_sums(work) == sums_of(held)


def test_a_released_host_is_not_released_again(work: Work, clock: Clock, held: list[bytes]) -> None:
    """It is active; there is nothing to ask for."""
    assert release(work, clock, HOST).counted == [(1, place) for place in range(1, len(held) + 1)]

    with pytest.raises(Refused, match="not held"):
        releasing(work, clock).release(HOST, OFFICERS[0], "again")
