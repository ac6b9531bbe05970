"""`kashi-agent status`: how the running agent is."""

import argparse
import time
from dataclasses import asdict

from kashi_agent.commands.options import (
    Commands,
    add_command,
    config_of,
    print_json,
    print_table,
    shown_time,
)
from kashi_agent.config import AgentConfig
from kashi_agent.doctor.finding import Finding, Level
from kashi_agent.doctor.running import REPLAY, look_at_meter
from kashi_agent.errors import AgentError
from kashi_agent.recorder import SPOOL_REFUSES
from kashi_agent.state_words import REPLAYED, meter_state
from kashi_agent.status import STALE_MS, AgentStatus, read_status
from kashi_agent.wiring import member

_REFUSES = "拒绝写入，所测内容在内存中等待 REFUSES writes: what is measured waits in memory"
_FULL = "已满，未封存的内容从粗保存 FULL: what is unsealed is kept coarser"


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "status", "运行状态。How the running agent is", run)


def run(options: argparse.Namespace) -> int:
    """Print the status; 1 when the agent does not run, has a trouble or measures
    nothing."""
    status = _status(config_of(options))
    age_ms = time.time_ns() // 1_000_000 - status.written_utc_ms
    stale, unmeasured = age_ms > STALE_MS, _unmeasured(status)
    if options.json:
        print_json(
            {
                **asdict(status),
                "age_ms": age_ms,
                "stale": stale,
                "meter_trouble": None if unmeasured is None else unmeasured.code,
            }
        )
    else:
        print_table("", ("", ""), _rows(status, age_ms, stale=stale))
    return 1 if stale or status.trouble or unmeasured else 0


def _status(config: AgentConfig) -> AgentStatus:
    """What the agent last wrote. Raises: NotEnrolledError, where none could run; AgentError."""
    try:
        return read_status(config.status_path)
    except AgentError:
        member(config)
        raise


def _rows(status: AgentStatus, age_ms: int, *, stale: bool) -> list[tuple[str, str]]:
    old = "  — 代理停滞或已退出 the agent hangs or is gone" if stale else ""
    demo = "（演示 demonstration）" if status.demo else ""
    flushes, waiting = status.durable_flushes, status.waiting_readings
    held = f"纪元与序号 epoch {status.server_epoch} sequence {status.server_sequence}"
    sealed = f"纪元与序号 epoch {status.sealed_epoch} sequence {status.sealed_sequence}"
    return [
        ("主机 host", status.host_id),
        ("运营方 operator", status.operator_party_id),
        ("服务器 server", f"{status.metering_address}{demo}"),
        ("代理 agent", f"{status.version}, 进程 pid {status.pid}"),
        ("启动于 started", shown_time(status.started_utc_ms)),
        ("最近动静 seen", f"{age_ms // 1000} 秒前 s ago{old}"),
        ("计量 meter", meter_state(status.meter_state) + REPLAYED * (status.meter_kind == REPLAY)),
        ("时钟 clock", _clock(status)),
        ("释放 released", _until(status.released_until_utc_ms)),
        ("设备 devices", str(status.devices)),
        ("采样 samples", f"{status.samples}, 迟到 late {status.samples_late}"),
        ("落盘 durable", f"{flushes} 次 times, 待写 waiting {waiting}"),
        ("磁盘 disk", _disk(status)),
        ("已封存 sealed", sealed),
        ("服务器已有 server holds", held),
        ("待送 waiting", f"{status.unacknowledged_reports} 份 reports"),
        ("已送 delivered", _delivered(status)),
        ("最近应答 last answer", shown_time(status.last_answer_utc_ms)),
        ("连接证书 certificate", f"至 until {shown_time(status.certificate_not_after_utc_ms)}"),
        ("未识别 unidentified", status.unidentified or "–"),
        ("计量故障 meter trouble", _why(_unmeasured(status))),
        ("传送故障 delivery trouble", status.trouble or "无 none"),
    ]


def _disk(status: AgentStatus) -> str:
    if status.disk_full:
        return _FULL
    return _REFUSES if status.trouble.startswith(SPOOL_REFUSES) else "正常 ok"


def _unmeasured(status: AgentStatus) -> Finding | None:
    """Why nothing is measured, in the doctor's words; a meter that has just come is none."""
    if status.meter_state == "connected":
        return None
    (found,) = look_at_meter(
        status.meter_state, "", status.devices, kind=status.meter_kind, demo=status.demo
    )
    return found if found.level is Level.FAILURE else None


def _why(found: Finding | None) -> str:
    return "无 none" if found is None else f"{found.zh}\n{found.en}\nkashi-agent doctor"


def _clock(status: AgentStatus) -> str:
    said = {
        "synchronised": "已同步 synchronised",
        "unsynchronised": "未同步 not synchronised",
        "unknown": "无法得知是否同步 not known to be synchronised",
    }.get(status.clock, "–")
    return f"{said}, 偏差 offset {status.clock_offset_ms} ms"


def _delivered(status: AgentStatus) -> str:
    """What is quarantined counts for nothing: that is said with where the reason stands."""
    why = "，见 kashi-agent doctor" if status.quarantined_reports else ""
    delivered, quarantined = status.delivered_reports, status.quarantined_reports
    return f"启动后 since the start {delivered}, 隔离 {quarantined} quarantined{why}"


def _until(utc_ms: int | None) -> str:
    if utc_ms is None:
        return "否 no"
    return f"至 until {shown_time(utc_ms)}; kashi-agent release --end"
