"""`kashi-agent release` and the hooks that use it, on a real agent with its meter over the fake
driver, whose library holds a device file open and never closes it by itself."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_process import AgentProcess
from fakes.nvml.scenario import Device, Hang, Scenario
from fixtures_server import KashiServer
from kashi_agent.clock import SystemClock
from kashi_agent.reading import GapReason, HostEventKind
from metered_agent import MeteredAgent, events_of, gap_ms, metered_agent

HOOKS = Path(__file__).parents[2] / "deploy" / "hooks"
INSTALLED = "/usr/libexec/kashi/"
CARD = Device(uuid="GPU-00000000-0000-4000-8000-000000000000")
CALL = "nvmlDeviceGetTotalEnergyConsumption"
HOOK_SECONDS = 60


@pytest.fixture
def host(
    shared: KashiServer, agents: Callable[[Path], AgentProcess], tmp_path: Path
) -> MeteredAgent:
    """A host that measures."""
    made = metered_agent(
        shared,
        agents,
        tmp_path / "host",
        lambda device: Scenario(devices=(CARD,), opens=(device,)),
        start_boottime_ms=SystemClock().boottime_ms(),
    )
    made.process.start()
    made.measuring()
    return made


def hook(host: MeteredAgent, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a hook as slurmd and mig-parted do: a shell script, our `kashi-agent` in its path."""
    return subprocess.run(
        [str(HOOKS / name), *arguments],
        env={"PATH": f"{host.bin}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=HOOK_SECONDS,
        check=False,
    )


def step(folder: Path, name: str, line: str) -> Path:
    """A step of an epilog."""
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f"#!/bin/sh\n{line}\n")
    script.chmod(0o755)
    return script


def test_the_command_frees_the_devices_and_gives_them_back(host: MeteredAgent) -> None:
    """When it returns nothing of ours holds a device; `status` says until when; what follows is a
    gap `released` with an event for each time it was asked; at `--end` measuring goes on."""
    assert host.holding != []

    released = host.command("release", "--for", "10m")
    held = host.holding
    status = host.process.until(lambda status: status.released_until_utc_ms is not None)
    shown = host.command("status")
    time.sleep(1.5)  # were it not released, samples would come
    quiet = host.process.until(lambda later: later.durable_flushes > status.durable_flushes)
    again = json.loads(host.command("release", "--for", "10m", "--json").stdout)
    ended = host.command("release", "--end")
    host.measuring()
    host.process.stop()
    stretches = host.sealed()

    assert released.returncode == 0, released.stderr
    assert re.search(r"^设备已释放，至 2.+ UTC。.+ released until 2.+ UTC\.", released.stdout)
    assert held == []
    assert re.search(r"released +│ 至 until 2", shown.stdout)
    assert quiet.samples <= status.samples + 1
    assert again["answer"] == "released"
    assert again["until_utc_ms"] >= status.released_until_utc_ms
    assert ended.returncode == 0, ended.stderr
    assert gap_ms(stretches).keys() == {GapReason.RELEASED}
    assert gap_ms(stretches)[GapReason.RELEASED] >= 1_500
    events = events_of(stretches, HostEventKind.METER_RELEASED)
    uid = os.geteuid()
    assert [event.detail for event in events] == [
        f"600 秒，由用户 {uid} 要求。for 600 s, by user {uid}"
    ] * 2
    assert events_of(stretches, HostEventKind.METER_CRASHED) == []


def test_a_release_ends_by_itself_and_outlives_the_agent(host: MeteredAgent) -> None:
    """An agent that is killed in between leaves the devices alone too, until the time is over."""
    seconds = 12
    begun = time.monotonic()
    assert host.command("release", "--for", f"{seconds}s").returncode == 0
    host.process.kill()
    host.process.start()
    host.process.until(lambda status: status.meter_state.startswith("released"))
    held = host.holding
    host.process.until(lambda status: status.samples > 0)
    lasted = time.monotonic() - begun
    host.process.stop()
    stretches = host.sealed()

    assert held == []
    assert lasted >= seconds
    assert gap_ms(stretches).keys() == {GapReason.RELEASED, GapReason.AGENT_DOWN}


def test_a_hang_is_told_and_the_devices_are_let_go_after_it(
    shared: KashiServer, agents: Callable[[Path], AgentProcess], tmp_path: Path
) -> None:
    """Exit code 8 while the call does not return; the release stands, and is noted when it does."""
    start = SystemClock().boottime_ms()
    hang = Hang(call=CALL, from_ms=6_000, to_ms=16_000, deep=True)
    host = metered_agent(
        shared,
        agents,
        tmp_path / "hung",
        lambda device: Scenario(devices=(CARD,), opens=(device,), hangs=(hang,)),
        start_boottime_ms=start,
        meter=("--cadence-ms", "200", "--hung-ms", "1000"),
    )
    host.process.start()
    host.process.until(lambda status: status.meter_state.startswith("hung"))

    refused = host.command("release")
    held = host.holding
    host.process.until(lambda status: status.meter_state.startswith("released"))
    free = host.holding
    assert host.command("release", "--end").returncode == 0
    host.measuring()
    host.process.stop()
    stretches = host.sealed()

    assert refused.returncode == 8
    assert CALL in refused.stderr
    assert held != []
    assert free == []
    assert len(events_of(stretches, HostEventKind.METER_RELEASED)) == 1
    assert gap_ms(stretches).keys() == {GapReason.METER_HUNG, GapReason.RELEASED}


def test_without_a_meter_the_devices_are_free(
    shared: KashiServer, agents: Callable[[Path], AgentProcess], tmp_path: Path
) -> None:
    """Nobody is connected who could hold them: the agent waits for one a while, and says so."""
    host = metered_agent(
        shared,
        agents,
        tmp_path / "bare",
        lambda _device: Scenario(devices=(CARD,)),
        start_boottime_ms=0,
        meter=None,
    )
    host.process.start()
    host.process.until(lambda status: status.durable_flushes > 0)

    released = host.command("release")

    assert released.returncode == 0, released.stderr
    assert "no meter" in released.stdout


def test_without_an_agent_the_command_says_what_to_do(host: MeteredAgent) -> None:
    """Exit code 1, and the unit that may still hold the devices."""
    host.process.stop()

    done = host.command("release")

    assert done.returncode == 1
    assert "systemctl stop kashi-meter" in done.stderr


def test_only_root_and_the_agents_group_reach_the_agent(host: MeteredAgent) -> None:
    """The socket's own permissions: 0660, the agent's user and group. Others get nowhere, and the
    group of the agent may release but not measure."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else; the rest of this file needs no root")
    release = host.process.socket_path.with_suffix(".release")
    release.parent.chmod(0o755)

    assert release.stat().st_mode & 0o777 == 0o660
    assert _reaches(release, group=os.getegid())
    assert not _reaches(release, group=65_534)


def _reaches(path: Path, *, group: int) -> bool:
    """Whether an ordinary user of a group can connect."""
    program = "socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) or exit 9"
    perl = shutil.which("perl")
    assert perl is not None, "perl is part of every Debian"
    done = subprocess.run(
        [perl, "-MSocket", "-e", program, str(path)],
        user=65_534,
        group=group,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def test_an_epilog_runs_its_steps_while_the_devices_are_free(
    host: MeteredAgent, tmp_path: Path
) -> None:
    """Every step, in order; nothing of ours holds a device meanwhile; then measuring goes on."""
    steps, seen = tmp_path / "released.d", tmp_path / "seen"
    pids = " ".join(map(str, host.process.meters()))
    look = (
        f"for pid in {pids}; do ls -l /proc/$pid/fd; cat /proc/$pid/maps; done "
        f"| grep -c -e {host.device} -e libnvidia-ml >>{seen}; true"
    )
    step(steps, "10-reset", f"echo reset >>{seen}")
    step(steps, "20-look", look)
    (steps / "30-notes.txt").write_text("not a step")

    done = hook(host, "slurm-epilog", str(steps))
    host.measuring()
    host.process.stop()

    assert done.returncode == 0, done.stderr
    assert pids != ""
    assert seen.read_text().split() == ["reset", "0"]
    assert gap_ms(host.sealed()).keys() == {GapReason.RELEASED}


def test_an_epilog_fails_only_with_its_steps(host: MeteredAgent, tmp_path: Path) -> None:
    """A step's failure drains the node, and the rest still runs; with no step nothing is released;
    an agent that does not run is no failure."""
    steps = tmp_path / "released.d"
    empty = hook(host, "slurm-epilog", str(steps))
    step(steps, "10-fails", "exit 7")
    step(steps, "20-fails", "exit 9")
    step(steps, "30-runs", f"touch {tmp_path / 'ran'}")
    failed = hook(host, "slurm-epilog", str(steps))
    host.measuring()
    host.process.stop()
    (tmp_path / "ran").unlink()
    (steps / "10-fails").unlink()
    (steps / "20-fails").unlink()
    alone = hook(host, "slurm-epilog", str(steps))

    assert (empty.returncode, empty.stderr) == (0, "")
    assert failed.returncode == 7
    assert len(events_of(host.sealed(), HostEventKind.METER_RELEASED)) == 1
    assert alone.returncode == 0, alone.stderr
    assert (tmp_path / "ran").exists()


def test_a_prolog_ends_what_an_epilog_left_behind(host: MeteredAgent) -> None:
    """A job is measured from its first second, and never held back."""
    assert host.command("release").returncode == 0

    done = hook(host, "slurm-prolog")
    host.measuring()
    host.process.stop()
    again = hook(host, "slurm-prolog")

    assert (done.returncode, again.returncode) == (0, 0)


def test_the_hooks_of_mig_parted_release_and_resume(host: MeteredAgent) -> None:
    """Run as the file names them, in mig-parted's order; what comes in between finds free devices,
    and a phase that is left out leaves nothing released."""
    named = re.findall(
        r'^  ([a-z-]+):\n    - workdir: "/"\n      command: "(\S+)"\n      args: \["(\w+)"\]$',
        (HOOKS / "mig-parted-hooks.yaml").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    held = {}
    for phase, command, argument in named:
        assert command.startswith(INSTALLED)
        done = hook(host, command.removeprefix(INSTALLED), argument)
        assert done.returncode == 0, done.stderr
        held[phase] = host.holding
    host.measuring()

    assert [phase for phase, _, _ in named] == ["pre-apply-mode", "pre-apply-config", "apply-exit"]
    assert held["pre-apply-mode"] == held["pre-apply-config"] == []
    assert host.holding != []


def test_mig_parted_is_stopped_only_by_devices_that_are_not_free(
    host: MeteredAgent, tmp_path: Path
) -> None:
    """An agent that does not run stops nothing; a word that is none is refused."""
    host.process.stop()
    (tmp_path / "bin").mkdir()
    hung = tmp_path / "bin" / "kashi-agent"
    hung.write_text("#!/bin/sh\nexit 8\n")
    hung.chmod(0o755)

    without = hook(host, "mig-parted-hook", "release")
    refused = subprocess.run(
        [str(HOOKS / "mig-parted-hook"), "release"],
        env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"},
        timeout=HOOK_SECONDS,
        check=False,
    )

    assert without.returncode == 0, without.stderr
    assert refused.returncode == 8
    assert hook(host, "mig-parted-hook", "nonsense").returncode == 2


def test_the_hooks_are_clean_shell() -> None:
    """shellcheck has nothing to say about any of them."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is absent: install shellcheck")
    scripts = [str(path) for path in HOOKS.iterdir() if path.suffix == ""]

    done = subprocess.run(
        ["shellcheck", *scripts], capture_output=True, text=True, timeout=HOOK_SECONDS, check=False
    )

    assert {Path(script).name for script in scripts} >= {
        "mig-parted-hook",
        "slurm-epilog",
        "slurm-prolog",
    }
    assert done.returncode == 0, done.stdout
