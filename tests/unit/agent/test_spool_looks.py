"""Reading a spool beside the agent that lets go of segments meanwhile."""

from collections.abc import Callable

import pytest
from driven_host import HOST_ID, Driven, driven
from fixtures_spool import SimulatedDisk
from kashi_agent.spool import Spool
from kashi_agent.spool.spool import LOOKS_MAX

SEGMENT_BYTES = 4_000


@pytest.fixture
def host() -> Driven:
    """A host with several segments of reports, all delivered but the last hour's."""
    made = driven(segment_bytes=SEGMENT_BYTES)
    made.live(7_200)
    made.ship()
    made.live(3_600)
    return made


def letting_go(
    disk: SimulatedDisk, log: str, reads: int, times: int = 1
) -> Callable[[str, str], OSError | None]:
    """The agent removes the log's oldest segment just before it is read for the so manieth time."""
    left = [reads, times]

    def fail(operation: str, name: str) -> OSError | None:
        segments = [one for one in disk.names() if one.startswith(f"{log}-")]
        if operation != "read" or name not in segments[:1] or not left[1]:
            return None
        left[0] -= 1
        if left[0] > 0:
            return None
        left[:] = [reads, left[1] - 1]
        disk.remove(name)
        return FileNotFoundError(name)

    return fail


@pytest.mark.parametrize("log", ["sealed", "journal"])
@pytest.mark.parametrize("reads", [1, 2])
def test_a_segment_that_goes_while_it_is_looked_at_is_looked_for_no_more(
    host: Driven, log: str, reads: int
) -> None:
    """However far the look had come: what it gives is what another look gives, nothing twice."""
    looked, again = Spool(host.disk, HOST_ID), Spool(host.disk, HOST_ID)
    before = host.disk.names()
    host.disk.fail = letting_go(host.disk, log, reads)

    recovery = looked.look()

    host.disk.fail = lambda _operation, _name: None
    assert len(host.disk.names()) == len(before) - 1
    assert recovery == again.look()
    assert looked.sealed.entries() == again.sealed.entries()
    assert list(looked.sealed.receipts()) == list(again.sealed.receipts())


def test_what_is_missing_at_every_look_is_told(host: Driven) -> None:
    """A folder that loses its files without end is not looked at for ever."""
    host.disk.fail = lambda operation, name: (
        FileNotFoundError(name) if operation == "read" and name.startswith("sealed-") else None
    )
    asked: list[str] = []
    spool = Spool(host.disk, HOST_ID)
    begin = spool._begin

    def counted() -> None:
        asked.append("anew")
        begin()

    spool._begin = counted  # type: ignore[method-assign]  # counts the looks

    with pytest.raises(FileNotFoundError):
        spool.look()
    assert len(asked) == LOOKS_MAX - 1


def test_a_segment_that_goes_after_the_look_holds_nothing_more(host: Driven) -> None:
    """What the agent has let go of was taken by the server, or stands in a sealed report; an agent
    whose own segment is missing says so."""
    looked = Spool(host.disk, HOST_ID)
    looked.look()
    kept = len(list(looked.sealed.receipts()))
    for log, place in (("sealed", -1), ("journal", 0)):
        segments = [one for one in host.disk.names() if one.startswith(f"{log}-")]
        host.disk.remove(segments[place])
    host.disk.fail = lambda operation, name: (
        FileNotFoundError(name) if operation == "read" and name not in host.disk.names() else None
    )

    assert len(list(looked.sealed.receipts())) < kept
    assert not looked.whole_in_sealed
    with pytest.raises(FileNotFoundError):
        list(host.agent.spool.sealed.receipts())
