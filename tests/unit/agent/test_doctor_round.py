"""The doctor's whole round: what each look would find is among what the command finds."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kashi_agent.clock import ClockSync, Discipline
from kashi_agent.config import AgentConfig
from kashi_agent.doctor.examination import Patient, examine
from kashi_agent.doctor.finding import Finding
from kashi_agent.live import LiveDevice, LiveView
from kashi_agent.meter_probe import FirstLook
from sample_live import device
from sample_status import a_status

from deploy.demo.manual_clock import ManualClock

HERE = "GPU-1"
HELD = device([])


@dataclass(slots=True, kw_only=True)
class Machine:
    """A host that is not enrolled, whose agent runs and is well; what a test changes of it."""

    folder: Path
    sync: ClockSync = ClockSync.SYNCHRONISED
    namespace: str = "pid:[4026531836]"
    devices: tuple[LiveDevice, ...] = (HELD,)
    chosen: frozenset[str] | None = None

    def found(self) -> dict[str, Finding]:
        """What the doctor finds, by code."""
        config = AgentConfig(
            state_folder=self.folder,
            meter_socket=self.folder / "meter.sock",
            reported_devices=self.chosen,
        )
        (self.folder / "proc/self/ns").mkdir(parents=True)
        (self.folder / "proc/self/ns/pid").symlink_to(self.namespace)
        utc_ms = time.time_ns() // 1_000_000
        a_status(written_utc_ms=utc_ms).write(config.status_path)
        LiveView(
            written_utc_ms=utc_ms, meter="nvml", cadence_ms=1_000, devices=list(self.devices)
        ).write(config.live_path)
        patient = Patient(
            config=config,
            clock=ManualClock(utc=utc_ms, state=Discipline(sync=self.sync)),
            probe=lambda *_: None,
            ask=lambda *_: None,
            look=FirstLook,
            proc=self.folder / "proc",
        )
        return {one.code: one for one in examine(patient)}


def test_a_machine_that_is_well_has_no_trouble_but_its_enrolment(tmp_path: Path) -> None:
    """What a test below changes is what makes its finding."""
    codes = Machine(folder=tmp_path).found().keys() - {"state_volatile", "disk_low"}

    assert codes == {
        *("clock_ok", "pid_namespace_ok", "disk_ok", "not_enrolled", "agent_ok", "meter_ok"),
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sync": ClockSync.UNSYNCHRONISED}, "clock_free"),
        ({"sync": ClockSync.UNKNOWN}, "clock_unread"),
        ({"namespace": "pid:[4026532204]"}, "pid_namespace_foreign"),
        ({"chosen": frozenset({"GPU-misspelt"})}, "reported_device_unknown"),
        (
            {"devices": (device(None, "foreign_pid_namespace"),)},
            "holders_foreign",
        ),
        ({"devices": (replace(HELD, absent="no_permission"),)}, "device_permission"),
        ({"devices": (replace(HELD, absent="device_lost"),)}, "device_absent"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_is_wrong_is_found_with_its_next_step(
    tmp_path: Path, changes: dict[str, object], code: str
) -> None:
    """A clock, a namespace, a setting, a holder, a device: each by the round of the command."""
    machine = replace(Machine(folder=tmp_path), **changes)  # type: ignore[arg-type]  # names are checked when it runs

    found = machine.found()[code]

    assert found.step_zh
    assert found.step_en


def test_a_state_folder_that_is_not_there_is_found(tmp_path: Path) -> None:
    """Before the host is enrolled nobody has made it."""
    config = AgentConfig(state_folder=tmp_path / "none", meter_socket=tmp_path / "meter.sock")
    patient = Patient(
        config=config,
        clock=ManualClock(utc=1),
        probe=lambda *_: None,
        ask=lambda *_: None,
        look=FirstLook,
    )

    codes = {one.code for one in examine(patient)}

    assert {"state_missing", "not_enrolled", "agent_absent"} <= codes
