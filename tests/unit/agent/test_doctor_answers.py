"""What the doctor says of the server's last word on a report."""

import pytest
from kashi.v1 import metering_pb2
from kashi_agent.doctor.standing import LastAnswer, look_at_answer


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
