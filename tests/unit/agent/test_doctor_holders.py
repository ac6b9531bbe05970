"""What the doctor says where holders are unknown, and of devices that are chosen for reports."""

from dataclasses import replace

import pytest
from kashi_agent.doctor.running import look_at_choice, look_at_devices, look_at_holders
from kashi_agent.live import LiveDevice, LiveView
from sample_live import device


def view(*devices: LiveDevice) -> LiveView:
    """What the meter sees."""
    return LiveView(written_utc_ms=0, meter="nvml", cadence_ms=1_000, devices=list(devices))


@pytest.mark.parametrize(
    ("reason", "code", "step"),
    [
        ("foreign_pid_namespace", "holders_foreign", "--pid=host"),
        ("scheduler_unread", "holders_unread", "slurm-grant"),
        ("no_permission", "holders_untold", "/dev/nvidia*"),
    ],
)
def test_unknown_holders_are_said_with_their_reason_and_the_next_step(
    reason: str, code: str, step: str
) -> None:
    """P1, P7: by the meter's own word, once for all devices it concerns, in both languages."""
    (found,) = look_at_holders(view(device(None, reason), device(None, reason), device([])))

    assert found.code == code
    assert "2" in found.zh
    assert "2" in found.en
    assert step in found.step_zh
    assert step in found.step_en


def test_hidden_processes_are_said() -> None:
    """A holder that cannot be looked up is told from one that ended."""
    shown = view(device(["process:42@hidden"]), device(["process:43@ended", "user:lihua"]))

    assert [found.code for found in look_at_holders(shown)] == ["holders_hidden"]


def test_where_all_is_known_nothing_is_said() -> None:
    """Nor is anything where a vendor cannot tell: nobody can do something about it."""
    assert list(look_at_holders(view(device([]), device(["user:lihua"])))) == []
    assert list(look_at_holders(view(device(None, "not_supported")))) == []


def test_a_chosen_device_that_is_not_here_is_named() -> None:
    """A misspelt id would leave a device out of every report without a word."""
    (found,) = look_at_choice(frozenset({"GPU-1", "GPU-l", "GPU-2"}), view(device([])))

    assert found.code == "reported_device_unknown"
    assert "GPU-2, GPU-l" in found.en
    assert list(look_at_choice(frozenset({"GPU-1"}), view(device([])))) == []
    assert list(look_at_choice(None, view(device([])))) == []


def test_a_chosen_partition_is_here_by_the_drivers_name_too() -> None:
    """People know a MIG instance by its UUID; its id has the share beside it."""
    here = view(replace(device([]), hardware_id="MIG-5d.4of7"))

    assert list(look_at_choice(frozenset({"MIG-5d", "MIG-5d.4of7"}), here)) == []
    (found,) = look_at_choice(frozenset({"MIG-5d.1of7"}), here)
    assert "MIG-5d.1of7" in found.en


def test_why_a_device_is_not_seen_has_a_chinese_word_in_the_chinese_line() -> None:
    """A program reads the reason by the word that it knew."""
    (found,) = look_at_devices(view(replace(device([]), absent="device_lost")))

    assert found.zh == "设备 GPU-1 没有应答：设备失联"
    assert found.en == "device GPU-1 does not answer: device_lost"
    assert found.values == {"device": "GPU-1", "why": "device_lost"}
