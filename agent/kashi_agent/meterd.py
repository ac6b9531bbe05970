"""`kashi-meter`: the process that reads a vendor's library and hands samples to the agent.

It has no network and no disk of its own: it reads the vendor's library and /proc, and connects to
the agent's Unix socket. Exit status 0 after SIGTERM or SIGINT, 2 for a wrong command line, 3 for
wrong settings, 9 for a trace that is none. While a call into the library is under way it does not
end: to end would be to kill the call.
"""

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kashi import limits

from kashi_agent.clock import SystemClock
from kashi_agent.command_line import CommandLine
from kashi_agent.config import CONFIG_PATH, METER_SOCKET, EvidenceLevel, load_config
from kashi_agent.errors import AgentError
from kashi_agent.evidence.ascend import AscendFacts
from kashi_agent.evidence.cadence import CADENCE_MS, cadence_facts
from kashi_agent.evidence.holders import holder_facts
from kashi_agent.evidence.library import LibraryFacts
from kashi_agent.evidence.nvidia import NvidiaFacts
from kashi_agent.evidence.power import PowerCheck
from kashi_agent.evidence.processes import ProcessFacts
from kashi_agent.evidence.telling import Collect, Telling
from kashi_agent.holding.host import HoldingHost
from kashi_agent.kernel_log import KERNEL_LOG, KernelLog
from kashi_agent.meter_loop import (
    HUNG_MS,
    RETRY_MS,
    STAND_IN_MS,
    MeterLoop,
    MeterSettings,
    Outcome,
    Reader,
)
from kashi_agent.meters.dcmi import DcmiDriver
from kashi_agent.meters.dcmi_library import DcmiLibrary
from kashi_agent.meters.dcmi_meter import DcmiMeter
from kashi_agent.meters.nvml import NvmlDriver
from kashi_agent.meters.nvml_meter import NvmlMeter
from kashi_agent.meters.replay_file import ReplayedFile, check_trace
from kashi_agent.meters.vendor_choice import VendorChoice, chosen
from kashi_agent.notify import Notifier
from kashi_agent.sample import MeterKind
from kashi_agent.stand_in import StandIn
from kashi_agent.vendor_thread import VendorThread
from kashi_agent.xids import XidWatch

CADENCE_MS_MIN: Final = 100
CADENCE_MS_MAX: Final = limits.LIVE_CADENCE_MS_MAX

OPEN_FILES_MAX: Final = 1 << 16

HOST_FACTS: Final = (holder_facts, cadence_facts)

REPLAY: Final = "replay"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; begin anew, in a new process, where the loop asks for it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.meter == REPLAY) != (options.trace is not None):
        parser.error(
            "--trace 指明 --meter replay 回放的文件，二者须同用。"
            "--trace names what --meter replay plays; one needs the other"
        )
    logging.basicConfig(
        level=logging.INFO, format="kashi-meter: %(levelname)s %(message)s", stream=sys.stderr
    )
    try:
        level = options.evidence or load_config(CONFIG_PATH, required=False).evidence
        kind = _kind(options)
        if options.trace is not None:
            check_trace(options.trace)
    except AgentError as error:
        sys.stderr.write(f"kashi-meter: {error}\n")
        return error.exit_code
    if options.parent_pid is None:  # whoever else started it is who the service manager hears
        Notifier(os.environ).ready(
            "设置无误，等待代理。its settings are sound; waits for the agent"
        )
    if _run(options, kind, EvidenceLevel(level)) is Outcome.RESTART:
        # The binding never unloads its library: only a new process meets a new driver. What the
        # library opened and did not mark as ours alone must not live on in it.
        os.closerange(3, OPEN_FILES_MAX)
        os.execv(sys.executable, _command_line())
    return 0


def _command_line() -> list[str]:
    """What started this process."""
    return [sys.executable, *sys.orig_argv[1:]]


def _kind(options: argparse.Namespace) -> MeterKind:
    """The meter of the command line, else of the settings, else of the driver that is loaded."""
    if options.meter == REPLAY:
        return MeterKind.REPLAY
    choice = options.meter or load_config(CONFIG_PATH, required=False).meter
    return chosen(VendorChoice(choice), options.root)


def _run(options: argparse.Namespace, kind: MeterKind, level: EvidenceLevel) -> Outcome:
    """Wire the loop, its thread and the signals, and run it."""
    clock = SystemClock().boottime_ms
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    settings = MeterSettings(
        kind=kind,
        socket_path=options.socket,
        cadence_ms=options.cadence_ms,
        retry_ms=options.retry_ms,
        hung_ms=options.hung_ms,
        pid=os.getpid(),
        parent_pid=options.parent_pid,
        stands_in=options.stands_in,
    )
    command = [*_command_line(), "--parent-pid", str(os.getpid()), "--stands-in"]
    stand_in = StandIn(None if options.stands_in else command, options.stand_in_ms)
    telling = Telling()
    opener = _opener(options, clock, telling, level)[kind]
    xids = XidWatch(KernelLog(options.kernel_log if kind is MeterKind.NVML else Path(os.devnull)))
    vendor = VendorThread(theirs)
    loop = MeterLoop(settings, opener, clock, ours, vendor, stand_in, telling.begin, xids)
    signal.set_wakeup_fd(theirs.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    outcome = loop.run()
    # From here on no call is under way and a signal may end the process at once; one that came
    # just before has been taken by the loop.
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    return Outcome.STOPPED if loop.told_to_stop else outcome


def _opener(
    options: argparse.Namespace, clock: Callable[[], int], telling: Telling, level: EvidenceLevel
) -> dict[MeterKind, Callable[[], Reader]]:
    """What opens each meter; called in the vendor's thread."""
    holding = HoldingHost(proc=options.proc, sys=options.sys, root=options.root)

    def completed(meter: NvmlMeter | DcmiMeter, *facts: Collect) -> Reader:
        """With who holds its devices, and with facts to judge it by: its driver's among them."""
        library = LibraryFacts(proc=options.proc, root=options.root)
        telling.standing = (lambda _batch: library.collect(), *facts, *HOST_FACTS)
        if level is EvidenceLevel.EXTENDED:
            telling.standing += (ProcessFacts(proc=options.proc, pids=meter.pids).collect,)
        meter.steps = (holding.grants().completed, telling.added)
        return meter

    def open_nvml() -> Reader:
        root = options.driver_root or load_config(CONFIG_PATH, required=False).driver_root
        driver = NvmlDriver(root)
        meter = NvmlMeter(driver, holding.book(), clock, options.cadence_ms, sys=options.sys)
        telling.passing = (PowerCheck(power=meter.power_mw, limit=meter.power_limit_mw).observe,)
        facts = NvidiaFacts(proc=options.proc, sys=options.sys)
        return completed(meter, facts.collect, meter.persistence)

    def open_ascend() -> Reader:
        driver = DcmiDriver(DcmiLibrary())
        meter = DcmiMeter(driver, holding.book(), clock, options.cadence_ms)
        return completed(meter, AscendFacts(sys=options.sys, root=options.root).collect)

    return {
        MeterKind.NVML: open_nvml,
        MeterKind.ASCEND: open_ascend,
        MeterKind.REPLAY: lambda: ReplayedFile(options.trace, clock),
    }


def _cadence_ms(text: str) -> int:
    cadence_ms = int(text)
    if not CADENCE_MS_MIN <= cadence_ms <= CADENCE_MS_MAX:
        raise argparse.ArgumentTypeError(
            f"{cadence_ms} 毫秒，须为 {CADENCE_MS_MIN} 至 {CADENCE_MS_MAX} 毫秒。"
            f"{cadence_ms} ms; it must be {CADENCE_MS_MIN} to {CADENCE_MS_MAX} ms"
        )
    return cadence_ms


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="kashi-meter",
        description="读取加速卡并交给代理。Reads accelerators and hands samples to kashi-agent.",
    )
    option = parser.add_argument
    library = f"读取哪家厂商的库{_SET_ZH}。Which vendor's library to read {_SET_EN}"
    option("--meter", choices=[*VendorChoice, REPLAY], help=library)
    played = "要回放的负载记录。The recorded or generated workload to play"
    option("--trace", type=Path, help=played)
    cadence = "两次读数的间隔，毫秒。Time between two readings, in milliseconds"
    option("--cadence-ms", type=_cadence_ms, default=CADENCE_MS, help=cadence)
    for name, default, meaning in _SPANS:
        option(name, type=int, default=default, help=f"{meaning}, in milliseconds")
    for name, place, meaning in _PLACES:
        option(name, type=Path, default=place, help=meaning)
    started = "启动它的进程结束时随之结束。End when this process, which started it, has gone"
    option("--parent-pid", type=int, help=started)
    beside = "在调用停滞的进程旁另行读取（自动使用）。Read beside a process whose call hangs"
    option("--stands-in", action="store_true", help=beside)
    container = f"驱动容器中 NVIDIA 库所在的根目录，如 /run/nvidia/driver{_SET_ZH}。"
    container += f"The root below which a driver container keeps NVIDIA's library {_SET_EN}"
    option("--driver-root", type=Path, help=container)
    looked = f"计量之外另看多少{_SET_ZH}。How much is looked at beside what is measured {_SET_EN}"
    option("--evidence", choices=list(EvidenceLevel), help=looked)
    return parser


_SET_ZH: Final = f"（默认依 {CONFIG_PATH}）"
_SET_EN: Final = f"(default: what {CONFIG_PATH} says)"
_STOOD_IN: Final = (
    "调用停滞多久后由第二个进程读取，毫秒。"
    "A call that hangs for so long, and safely, has a second process read beside it"
)
_SPANS: Final = (
    ("--retry-ms", RETRY_MS, "驱动拒绝后多久重试，毫秒。Begin anew so long after a refusal"),
    ("--hung-ms", HUNG_MS, "调用超过多久视为停滞，毫秒。A call that takes longer hangs"),
    ("--stand-in-ms", STAND_IN_MS, _STOOD_IN),
)
_PLACES: Final = (
    ("--socket", METER_SOCKET, "代理的 Unix 套接字。The agent's Unix socket"),
    ("--proc", Path("/proc"), "进程信息所在。Where processes are looked up"),
    ("--kernel-log", KERNEL_LOG, "内核日志所在。Where the kernel tells of errors"),
    ("--sys", Path("/sys"), "设备信息所在。Where devices are"),
    ("--root", Path("/"), "文件根目录。Where files are"),
)
"""Options that are a time or a path: their names, what they are unless told, what they mean."""


if __name__ == "__main__":
    sys.exit(main())
