"""One agent that lives: on the wall clock, with the real GPU where there is one.

Without a GPU its meter plays a generated workload in real time; its reports say so.
"""

import ctypes
import ctypes.util
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kashi_agent.sample import Vendor
from rich.console import Console

from deploy.demo.scene import COMPANY_B, GIB, SEED, cards
from deploy.demo.stage import Stage, as_officer, command, kashi_server, stop
from deploy.demo.trace_writing import write_trace
from deploy.demo.workload import Group, Profile, generated_workload

DAY_MS = 86_400_000


def has_gpu() -> bool:
    """Whether NVML starts on this machine."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    started: int = library.nvmlInit_v2()
    if started == 0:
        library.nvmlShutdown()
    return started == 0


@contextmanager
def live_agent(stage: Stage, console: Console) -> Iterator[None]:
    """Run `kashi-agent run --with-meter` as long as the block lasts."""
    folder = stage.host("live")
    folder.mkdir(parents=True)
    # A Unix socket's path may have 107 characters; a temporary folder's name is short.
    with tempfile.TemporaryDirectory(prefix="kashi-demo-") as short:
        settings = folder / "agent.toml"
        settings.write_text(
            f'[agent]\nstate_folder = "{folder / "state"}"\n'
            f'meter_socket = "{Path(short) / "meter.sock"}"\nreport_interval_seconds = 60\n',
            encoding="utf-8",
        )
        _enrol(stage, folder, settings)
        meter = ["--meter", "nvml"] if has_gpu() else _generated(folder)
        with (folder / "agent.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [
                    command("kashi-agent"), "run", "--config", str(settings), "--with-meter",
                    "--", *meter,
                ],
                stdout=log,
                stderr=log,
                text=True,
            )  # fmt: skip
            what = "本机显卡 this machine's GPU" if has_gpu() else "生成的负载 generated workload"
            console.print(
                f"✓ 实时代理 live agent: {what}\n  日志 log {folder / 'agent.log'}", soft_wrap=True
            )
            try:
                yield
            finally:
                stop(process)


def _enrol(stage: Stage, folder: Path, settings: Path) -> None:
    issued = json.loads(
        kashi_server(stage, "token", COMPANY_B.party_id, *as_officer(stage), "--json")
    )
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(issued["token"], encoding="utf-8")
    subprocess.run(
        [
            command("kashi-agent"), "enrol", "--config", str(settings), "--yes",
            "--server", issued["server"], "--token-file", str(token),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip


def _generated(folder: Path) -> list[str]:
    group = Group(
        name="live",
        profile=Profile.SERVING,
        devices=tuple(cards("live", 2, Vendor.NVIDIA, "NVIDIA L40S", 48 * GIB)),
        power_mw_idle=35_000,
        power_mw_full=350_000,
    )
    trace = folder / "workload.jsonl"
    workload = generated_workload(
        (group,),
        seed=f"{SEED}/live",
        start_utc_ms=time.time_ns() // 1_000_000,
        span_ms=DAY_MS,
        faults=False,
    )
    with trace.open("w", encoding="utf-8") as lines:
        lines.writelines(write_trace(workload))
    return ["--meter", "replay", "--trace", str(trace)]
