"""`kashi-meter` when a call into the driver does not return, and when the devices are to be free.

The hang `deep` of the fake puts the thread into the kernel's state D, as a driver that is stuck
does; `session` hangs only a process that was there before, as a lost session does.
"""

import os
import subprocess
from pathlib import Path

import pytest
from fakes.nvml.scenario import Device, Hang, Scenario
from fixtures_meter import Meters, seen_of
from kashi_agent.meter_link import Notice, NoticeKind, Release, Resume
from kashi_agent.sample import SampleBatch

CALL = "nvmlDeviceGetTotalEnergyConsumption"
CARD = Device(uuid="GPU-00000000-0000-4000-8000-000000000000")
QUIET_SECONDS = 1.5
"""Three times what a stand-in is told to wait here."""

STAND_IN = ("--stand-in-ms", "500")


def opened_by(pid: int) -> set[str]:
    """Files a process has open."""
    folder = Path(f"/proc/{pid}/fd")
    return {os.readlink(folder / name) for name in os.listdir(folder)}


def maps_of(pid: int) -> str:
    """What a process has mapped."""
    return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


def thread_states(pid: int) -> set[str]:
    """How the kernel has the threads of a process."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return {stat.rpartition(")")[2].split()[0] for stat in stats}


def test_a_call_that_hung_is_waited_for_and_a_new_process_reads_on(meters: Meters) -> None:
    """The call is named while it hangs. What it gives in the end is of no instant and is dropped;
    the library that hung is met by a new process (L5)."""
    hang = Hang(call=CALL, from_ms=1_000, to_ms=2_000)
    meter = meters.start(Scenario(devices=(CARD,), hangs=(hang,)))
    meter.at(500)
    meter.control.now_ms = 1_000

    hung = meter.notice(NoticeKind.HUNG)
    meter.control.now_ms = 2_000
    said = meter.gone()
    meter.reconnected()

    assert hung.detail == CALL
    assert [notice.kind for notice in said if isinstance(notice, Notice)] == [
        NoticeKind.ANSWERED,
        NoticeKind.RESUMED,
    ]
    assert not any(isinstance(message, SampleBatch) for message in said)
    seen_of(meter.next(SampleBatch).samples[0])


@pytest.mark.parametrize("deep", [False, True])
def test_sigterm_waits_for_the_call(meters: Meters, deep: bool) -> None:
    """To end would be to kill the call in the driver: told to stop, the meter leaves when the call
    has returned, by itself and with status 0."""
    hang = Hang(call=CALL, from_ms=1_000, to_ms=2_000, deep=deep)
    meter = meters.start(Scenario(devices=(CARD,), hangs=(hang,)))
    meter.at(0)
    meter.control.now_ms = 1_000
    meter.notice(NoticeKind.HUNG)

    meter.process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        meter.process.wait(QUIET_SECONDS)
    meter.control.now_ms = 2_000

    assert meter.process.wait(20) == 0
    meter.notice(NoticeKind.STOPPING)


def test_sigterm_ends_an_idle_meter(meters: Meters) -> None:
    """With no call under way it leaves at once and says so."""
    meter = meters.start(Scenario(devices=(CARD,)))
    meter.at(0)

    assert meter.end() == 0
    meter.notice(NoticeKind.STOPPING)


def test_another_process_reads_while_a_session_hangs(meters: Meters) -> None:
    """A call that hangs in a wait of its own process has a second process stand in; when it
    returns, the first asks the second to end and takes its place again."""
    hang = Hang(call=CALL, from_ms=1_000, to_ms=2_000, session=True)
    meter = meters.start(Scenario(devices=(CARD,), hangs=(hang,)), *STAND_IN)
    meter.at(0)
    meter.control.now_ms = 1_000
    meter.notice(NoticeKind.HUNG)

    stand_in = meter.begun_anew()
    seen_of(meter.next(SampleBatch).samples[0])
    both = (meter.process.poll(), Path(f"/proc/{stand_in.pid}").exists())
    meter.control.now_ms = 2_000
    said = meter.gone()
    back = meter.reconnected()

    assert stand_in.pid != meter.process.pid
    assert both == (None, True)
    assert said[-1].kind is NoticeKind.STOPPING  # type: ignore[union-attr]  # would fail there
    assert back.pid == meter.process.pid
    seen_of(meter.next(SampleBatch).samples[0])
    assert not Path(f"/proc/{stand_in.pid}").exists()


def test_nobody_is_sent_into_a_driver_that_is_stuck(meters: Meters) -> None:
    """A thread in state D has the driver's locks: a second process would get stuck too."""
    hang = Hang(call=CALL, from_ms=1_000, to_ms=2_000, deep=True)
    meter = meters.start(Scenario(devices=(CARD,), hangs=(hang,)), *STAND_IN)
    meter.at(0)
    meter.control.now_ms = 1_000
    meter.notice(NoticeKind.HUNG)

    assert "D" in thread_states(meter.process.pid)
    assert meter.listener.accept(QUIET_SECONDS) is None
    meter.control.now_ms = 2_000
    hello = meter.begun_anew()

    assert hello.pid == meter.process.pid
    seen_of(meter.next(SampleBatch).samples[0])


def test_a_stand_in_that_hangs_too_has_none(meters: Meters) -> None:
    """Two processes at most, however many would hang."""
    hang = Hang(call=CALL, from_ms=1_000, to_ms=2_000)
    meter = meters.start(Scenario(devices=(CARD,), hangs=(hang,)), *STAND_IN)
    meter.at(0)
    meter.control.now_ms = 1_000
    meter.notice(NoticeKind.HUNG)
    meter.begun_anew()
    meter.notice(NoticeKind.HUNG)

    assert meter.listener.accept(QUIET_SECONDS) is None
    meter.control.now_ms = 2_000
    # Both begin anew; whoever comes last is the first process, for it waits for the other.
    while meter.begun_anew().pid != meter.process.pid:
        pass
    seen_of(meter.next(SampleBatch).samples[0])


def test_a_released_meter_has_nothing_of_the_vendors_open(meters: Meters, tmp_path: Path) -> None:
    """Neither the library nor a device file, though the library never closes its own and would
    pass it on; who confirms is a process that has not opened it. Told to, it reads (L7)."""
    device = tmp_path / "nvidia0"
    device.touch()
    meter = meters.start(Scenario(devices=(CARD,), opens=(device,)))
    meter.at(0)
    pid = meter.process.pid
    before = (str(device) in opened_by(pid), "libnvidia-ml.so.1" in maps_of(pid))

    meter.ask(Release(duration_ms=600_000))
    left = meter.gone()
    hello = meter.met()
    waiting = (str(device) in opened_by(pid), "libnvidia-ml.so.1" in maps_of(pid))
    meter.ask(Release(duration_ms=600_000))
    meter.notice(NoticeKind.RELEASED)
    released = (str(device) in opened_by(pid), "libnvidia-ml.so.1" in maps_of(pid))
    meter.ask(Resume())
    seen_of(meter.next(SampleBatch).samples[0])

    assert hello.pid == pid
    assert left[-1].kind is NoticeKind.RESUMED  # type: ignore[union-attr]  # would fail there
    assert (before, waiting, released) == ((True, True), (False, False), (False, False))
    assert str(device) in opened_by(pid)


def test_a_release_while_a_call_hangs_waits_for_it(meters: Meters) -> None:
    """The devices are not free before the call returns, and the stand-in says who holds them."""
    hang = Hang(call=CALL, from_ms=1_000, to_ms=2_000, session=True)
    meter = meters.start(Scenario(devices=(CARD,), hangs=(hang,)), *STAND_IN)
    meter.at(0)
    meter.control.now_ms = 1_000
    meter.begun_anew()
    meter.next(SampleBatch)

    meter.ask(Release(duration_ms=600_000))
    meter.gone()
    meter.met()
    meter.ask(Release(duration_ms=600_000))
    held = meter.notice(NoticeKind.HUNG)
    meter.control.now_ms = 2_000
    meter.gone()
    hello = meter.met()
    meter.ask(Release(duration_ms=600_000))
    meter.notice(NoticeKind.RELEASED)

    assert str(meter.process.pid) in held.detail
    assert hello.pid == meter.process.pid
    assert "libnvidia-ml.so.1" not in maps_of(meter.process.pid)


def test_an_agent_that_never_answers_opens_nothing(meters: Meters) -> None:
    """Without a word of the agent the meter waits: a release may stand."""
    meter = meters.start(Scenario(devices=(CARD,)))
    meter.at(0)
    meter.ask(Release(duration_ms=1))
    meter.gone()
    meter.met()

    with pytest.raises(AssertionError, match="no SampleBatch"):
        meter.next(SampleBatch, QUIET_SECONDS)
