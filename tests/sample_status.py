"""What a healthy agent says of itself."""

import os
import time
from dataclasses import replace

from kashi_agent import VERSION
from kashi_agent.status import AgentStatus


def a_status(**changes: object) -> AgentStatus:
    """A healthy agent's status, with changes."""
    status = AgentStatus(
        written_utc_ms=time.time_ns() // 1_000_000,
        pid=os.getpid(),
        version=VERSION,
        host_id="host",
        operator_party_id="party",
        metering_address="kashi.example:7443",
        demo=True,
        started_utc_ms=1_793_000_000_000,
        meter_state="measuring",
        devices=8,
        samples=80,
        samples_late=0,
        durable_flushes=3,
        waiting_readings=0,
        disk_full=False,
        sealed_epoch=1,
        sealed_sequence=5,
        server_epoch=1,
        server_sequence=4,
        unacknowledged_reports=1,
        delivered_reports=4,
        quarantined_reports=0,
        last_answer_utc_ms=None,
        certificate_not_after_utc_ms=1_793_000_000_000,
        trouble="",
    )
    return replace(status, **changes)  # type: ignore[arg-type]  # names are checked when it runs
