"""What the doctor says of the server's last word on a report."""

import pytest
from kashi.v1 import metering_pb2
from kashi_agent.doctor.standing import LastAnswer, look_at_answer


def test_a_reason_of_a_newer_server_is_told_as_unknown() -> None:
    """By its number, in both languages."""
    answer = LastAnswer(received_utc_ms=1, sealed_utc_ms=1, quarantine_reason=4711)

    (found,) = look_at_answer(answer)

    assert found.code == "quarantined"
    assert "本版本不认识的原因 4711" in found.zh
    assert "unknown reason 4711" in found.en


def test_every_reason_that_is_known_is_told_in_both_languages() -> None:
    """None is left in English alone."""
    for number in metering_pb2.QuarantineReason.values():
        for found in look_at_answer(
            LastAnswer(received_utc_ms=1, sealed_utc_ms=1, quarantine_reason=number)
        ):
            assert not found.zh.isascii()
            assert "unknown" not in found.en


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (metering_pb2.QUARANTINE_REASON_REPLAY_METER, "quarantined_replay"),
        (metering_pb2.QUARANTINE_REASON_HOST_HELD, "host_held"),
        (metering_pb2.QUARANTINE_REASON_BEYOND_SKEW, "quarantined"),
    ],
)
def test_what_does_not_count_is_told_with_its_own_advice(reason: int, code: str) -> None:
    """No officer is asked to let a replayed workload count: only a demonstration server does."""
    answer = LastAnswer(received_utc_ms=1, sealed_utc_ms=1, quarantine_reason=reason)

    (found,) = look_at_answer(answer)

    assert found.code == code
    assert found.zh.isascii() is False
    assert "beyond skew" not in found.zh
    assert ("officer" in found.step_en) == (code != "quarantined_replay")
    assert ("演示服务器" in found.step_zh) == (code == "quarantined_replay")
