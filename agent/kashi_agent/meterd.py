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

from kashi_agent.clock import SystemClock
from kashi_agent.config import CONFIG_PATH, METER_SOCKET, EvidenceLevel, load_config
from kashi_agent.errors import AgentError
from kashi_agent.evidence.ascend import AscendFacts
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
from kashi_agent.sample import MeterKind
from kashi_agent.stand_in import StandIn
from kashi_agent.vendor_thread import VendorThread
from kashi_agent.xids import XidWatch

CADENCE_MS: Final = 1_000
CADENCE_MS_MIN: Final = 100
CADENCE_MS_MAX: Final = 60_000

OPEN_FILES_MAX: Final = 1 << 16

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
        telling.standing = (lambda _batch: library.collect(), *facts, holder_facts)
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
    parser = argparse.ArgumentParser(
        prog="kashi-meter",
        description="Reads accelerators and hands samples to kashi-agent. 读取加速卡并交给代理。",
    )
    option, settings = parser.add_argument, f"(default: what {CONFIG_PATH} says)"
    meters = [*VendorChoice, REPLAY]
    option("--meter", choices=meters, help=f"which vendor's library to read {settings}")
    option("--trace", type=Path, help="the recorded or generated workload to play")
    cadence = "time between two readings, in milliseconds"
    option("--cadence-ms", type=_cadence_ms, default=CADENCE_MS, help=cadence)
    for name, default, meaning in _SPANS:
        option(name, type=int, default=default, help=f"{meaning}, in milliseconds")
    for name, place, meaning in _PLACES:
        option(name, type=Path, default=place, help=meaning)
    started = "end when this process, which started it, has gone (kashi-agent run --with-meter)"
    option("--parent-pid", type=int, help=started)
    beside = "read beside the process that started this one, whose call hangs (it says so itself)"
    option("--stands-in", action="store_true", help=beside)
    container = "below it stands NVIDIA's library, where a driver container keeps it"
    option("--driver-root", type=Path, help=f"{container}: /run/nvidia/driver {settings}")
    looked = f"how much is looked at beside what is measured {settings}"
    option("--evidence", choices=list(EvidenceLevel), help=looked)
    return parser


_STOOD_IN: Final = "a call that hangs for so long, and safely, has a second process read beside it"
_SPANS: Final = (
    ("--retry-ms", RETRY_MS, "after the driver refused, begin anew so much later"),
    ("--hung-ms", HUNG_MS, "a call into the vendor's library that takes longer hangs"),
    ("--stand-in-ms", STAND_IN_MS, _STOOD_IN),
)
_PLACES: Final = (
    ("--socket", METER_SOCKET, "the agent's Unix socket"),
    ("--proc", Path("/proc"), "where processes are looked up"),
    ("--kernel-log", KERNEL_LOG, "where the kernel tells of errors"),
    ("--sys", Path("/sys"), "where devices are"),
    ("--root", Path("/"), "where files are"),
)
"""Options that are a time or a path: their names, what they are unless told, what they mean."""


if __name__ == "__main__":
    sys.exit(main())
