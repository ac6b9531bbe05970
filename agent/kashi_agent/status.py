"""How the running agent is, in a file beside its state, and what it means.

The agent writes the file with every flush, and before it answers a release; `kashi-agent status`,
the metrics and the service manager's status line all read the same values.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from kashi_agent.agent import Agent
from kashi_agent.both_languages import halves
from kashi_agent.meter_watch import MeterView
from kashi_agent.shown import read_shown, write_shown

FORMAT = "kashi/v1/agent-status"
STALE_MS = 60_000
"""A status older than this comes from an agent that hangs or is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What does not change while an agent runs."""

    pid: int
    version: str
    host_id: str
    operator_party_id: str
    metering_address: str
    demo: bool
    started_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus(Setting):
    """One look at a running agent. Counts are since it started, unless they say otherwise.

    `meter_kind`: by what the last batch was read; "": nothing was yet.
    `unsigned`: why nothing can be signed; "": it can. `knows_server`: it was told where the chain
    goes on, without which nothing is sealed.
    `clock`: what the kernel told the agent of its clock, which a service's filter may keep from it;
    `clock_offset_ms`: wall clock minus the axis by which minutes are told.
    """

    written_utc_ms: int
    meter_state: str
    devices: int
    samples: int
    samples_late: int
    durable_flushes: int
    waiting_readings: int
    disk_full: bool
    sealed_epoch: int
    sealed_sequence: int
    server_epoch: int
    server_sequence: int
    unacknowledged_reports: int
    delivered_reports: int
    quarantined_reports: int
    last_answer_utc_ms: int | None
    certificate_not_after_utc_ms: int | None
    trouble: str
    released_until_utc_ms: int | None = None
    unidentified: str = ""
    clock: str = ""
    clock_offset_ms: int = 0
    meter_kind: str = ""
    unsigned: str = ""
    knows_server: bool = False
    verdicts: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Replace the status file. Not synchronised: after a power cut it means nothing."""
        write_shown(path, FORMAT, asdict(self), mode=0o644)

    @property
    def line(self) -> str:
        """One line for the service manager, in both languages."""
        zh, en = halves(self.trouble)
        server = f"{self.server_epoch}/{self.server_sequence}"
        return (
            f"{self.devices} 台设备，{self.unacknowledged_reports} 份报告待送，"
            f"服务器已有 {server}{zh and f'；{zh}'}。"
            f"{self.devices} devices, {self.unacknowledged_reports} reports waiting, "
            f"server at {server}{en and f'; {en}'}"
        )


def read_status(path: Path) -> AgentStatus:
    """What the agent last wrote.

    Raises:
        AgentError: it never ran here, or the file is damaged.
    """
    start = "systemctl start kashi-agent"
    absent = f"代理尚未运行；{start}", f"the agent has not run here; {start}"
    return read_shown(path, FORMAT, lambda fields: AgentStatus(**fields), absent)


def status_of(
    agent: Agent, setting: Setting, view: MeterView, certificate_not_after_utc_ms: int | None
) -> AgentStatus:
    """Look at an agent and at its meter."""
    state, sealed = agent.shipper.state, agent.spool.sealed
    axis = agent.metering.clock_state
    return AgentStatus(
        written_utc_ms=agent.clock.utc_ms(),
        **{name: getattr(setting, name) for name in Setting.__slots__},
        meter_state=view.state,
        devices=view.devices,
        samples=view.samples,
        released_until_utc_ms=view.released_until_utc_ms,
        unidentified=view.unidentified,
        meter_kind=view.kind,
        clock=axis.sync.name.lower(),
        clock_offset_ms=axis.offset_ms,
        samples_late=agent.metering.samples_late,
        durable_flushes=agent.recorder.flushes,
        waiting_readings=agent.recorder.waiting_readings,
        disk_full=agent.spool.disk_full,
        sealed_epoch=sealed.head[0],
        sealed_sequence=sealed.head[1],
        server_epoch=state.server_head[0],
        server_sequence=state.server_head[1],
        unacknowledged_reports=sealed.unacknowledged,
        delivered_reports=state.delivered,
        quarantined_reports=state.quarantined,
        last_answer_utc_ms=state.last_answer_utc_ms,
        certificate_not_after_utc_ms=certificate_not_after_utc_ms,
        trouble=agent.recorder.last_trouble or state.unsigned or state.trouble,
        unsigned=state.unsigned,
        knows_server=agent.shipper.knows_server,
        verdicts=dict(state.verdicts),
    )
