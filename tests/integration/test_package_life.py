"""A host's life with the packages: installed, enrolled, measuring, upgraded, removed, purged."""

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clean_root import CleanRoot, root_archive, unpacked_root
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fakes.nvml.library import built_library, compiler
from fakes.nvml.scenario import Device, Scenario, State
from fixtures_identity import PARTY
from fixtures_packages import needs
from fixtures_server import KashiServer
from kashi_agent.clock import SystemClock
from kashi_agent.commands.ways_in import DEMONSTRATION
from key_tokens import key_tokens

from deploy.packages.__main__ import ROOT, WORK, X86_64
from deploy.packages.staging import stage
from deploy.packages.wheel_bundle import wheel_bundle, write_sums

BUILD = Path(__file__).parents[2] / "build"
MACHINES = BUILD / "machines"
WAIT_SECONDS = 60
STATE = "var/lib/kashi-agent"
UUIDS = tuple(f"GPU-{n:08d}-0000-0000-0000-000000000000" for n in range(2))
TRACES_OF_DPKG = re.compile(
    r"var/(lib/dpkg|log|cache)/.*|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|etc/.pwd.lock"
)
UNITS = ("kashi-agent.service", "kashi-meter.service", "kashi-relay.service")


@pytest.fixture
def disk_folder() -> Iterator[Path]:
    """A folder on a disk: a host whose state lies in memory would not be enrolled."""
    MACHINES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="m-", dir=MACHINES) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def root(disk_folder: Path) -> CleanRoot:
    """A clean Debian machine."""
    _needs_machines()
    return unpacked_root(root_archive(MACHINES / "clean.tar"), disk_folder)


@pytest.fixture
def python_root(disk_folder: Path) -> CleanRoot:
    """A clean Debian machine with a Python of its own."""
    _needs_machines()
    return unpacked_root(
        root_archive(MACHINES / "python.tar", "python3.11", "libstdc++6"), disk_folder
    )


@pytest.fixture
def bundle_for_here(packages: Path, python_root: CleanRoot, tmp_path: Path) -> Path:
    """The bundle as for aarch64, but for machines like this one, unpacked on the machine."""
    wheels = tmp_path / "wheels"
    shutil.copytree(WORK / "x86_64/wheels", wheels)
    (pip,) = (WORK / "aarch64/wheels").glob("pip-*.whl")
    shutil.copy(pip, wheels)
    (bill,) = packages.glob("*-x86_64.cdx.json")
    staged = stage(ROOT, tmp_path, bill, [])
    made = wheel_bundle(wheels, staged, X86_64, version="0.1.0", made_at="1795000000", out=tmp_path)
    shutil.unpack_archive(made, python_root.folder / "tmp", filter="data")
    return python_root.folder / "tmp" / made.name.removesuffix(".tar.gz")


@pytest.fixture
def driver(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment, inside a machine, of what shall see two cards at 40 %."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    folder: Path = request.getfixturevalue("disk_folder")
    (folder / "driver").mkdir()
    shutil.copy(built_library(BUILD) / "libnvidia-ml.so.1", folder / "driver")
    states = (State(from_ms=0, gpu_percent=40, power_mw=300_000),)
    devices = tuple(
        Device(uuid=uuid, pci=f"00000000:1{place}:00.0", states=states)
        for place, uuid in enumerate(UUIDS)
    )
    Scenario(devices=devices).write(
        folder / "driver/scenario", start_boottime_ms=SystemClock().boottime_ms()
    )
    return {"LD_LIBRARY_PATH": "/driver", "KASHI_FAKE_NVML": "/driver/scenario"}


def test_the_programs_run_where_there_is_no_c_library(
    unpacked: Path, disk_folder: Path, driver: dict[str, str]
) -> None:
    """On a machine that is nothing but the package, a kernel and a driver: it reads the driver,
    and the meter beside it is started."""
    _needs_root()
    shutil.copytree(unpacked / "opt", disk_folder / "opt", symlinks=True)
    (disk_folder / "tmp").mkdir()
    bare = CleanRoot(disk_folder)
    program = "/opt/kashi-agent/kashi-agent"

    assert "kashi-agent 0." in bare.run(program, "version")
    once = bare.run(program, "once", "--json", environment=driver)

    assert {f["hardware_id"]: f["utilisation_ppm"] for f in json.loads(once)} == dict.fromkeys(
        UUIDS, 400_000
    )


def test_the_programs_take_a_report_key_in_a_token(unpacked: Path, disk_folder: Path) -> None:
    """On such a machine too, with the token's module and nothing of its own beside it: the binding
    is whole, and the module finds what it needs in the package."""
    _needs_root()
    shutil.copytree(unpacked / "opt", disk_folder / "opt", symlinks=True)
    (disk_folder / "tmp").mkdir()
    with key_tokens(disk_folder / "drawer") as tokens:
        settings = tokens.settings("packaged")
        inside = disk_folder / "usr/lib/softhsm2.so"
        inside.parent.mkdir(parents=True)
        shutil.copy(tokens.module, inside)
    (disk_folder / "softhsm2.conf").write_text("directories.tokendir = /drawer/tokens\n")
    (disk_folder / "root.pem").write_bytes(demonstration_root())
    (disk_folder / "agent.toml").write_text(
        '[agent]\nstate_folder = "/state"\n[report_key]\nmodule = "/usr/lib/softhsm2.so"\n'
        f'token = "{settings.token}"\nlabel = "packaged"\npin_file = "/drawer/'
        f'{settings.pin_file.name}"\n'
    )
    bare = CleanRoot(disk_folder)
    enrol = ("enrol", "--config", "/agent.toml", "--request", "/request", "--yes")

    said = bare.run(
        *("/opt/kashi-agent/kashi-agent", *enrol, "--server-root", "/root.pem"),
        environment={"SOFTHSM2_CONF": "/softhsm2.conf"},
    )

    assert "SoftHSM project SoftHSM v2" in said
    record = json.loads((disk_folder / "state/identity/report-key.json").read_text("utf-8"))
    assert record["made_inside"]
    assert record["never_extractable"]
    assert not (disk_folder / "state/identity/report.key").exists()


def demonstration_root() -> bytes:
    """A root certificate of a demonstration, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{DEMONSTRATION} root")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


@pytest.mark.parametrize(
    ("given", "shown"), [({}, None), ({"LD_LIBRARY_PATH": "/driver"}, "/driver")], ids=str
)
def test_a_programs_environment_is_the_service_managers(
    unpacked: Path, disk_folder: Path, given: dict[str, str], shown: str | None
) -> None:
    """What leads the loader stands in /proc only if somebody else set it: the meter reports it."""
    _needs_root()
    shutil.copytree(unpacked / "opt", disk_folder / "opt", symlinks=True)
    # The socket is not there, so the meter waits for its agent.
    meter = CleanRoot(disk_folder).start(
        *("/opt/kashi-agent/kashi-meter", "--socket", "/meter.sock"), environment=given
    )
    with meter as process:
        assert process.stderr is not None
        assert "no agent listens" in process.stderr.readline()
        environ = Path(f"/proc/{process.pid}/environ").read_bytes().decode().split("\0")
        process.terminate()

    found = dict(line.split("=", 1) for line in environ if line.startswith("LD_"))
    assert found.get("LD_LIBRARY_PATH") == shown


def test_a_host_from_installation_to_purge(
    root: CleanRoot, deb: Path, driver: dict[str, str], server_home: KashiServer
) -> None:
    """Every step of a host's life, each with what must hold after it."""
    server_home.init("--organisation", "Test", "--address", "localhost")
    server_home.start()
    before = root.files()

    _install(root, deb)
    _check_installed(root)

    _settle(root)
    token, address = server_home.token(PARTY), server_home.address("enrolment")
    enrolling = ("kashi-agent", "enrol", "--server", address, "--token-file", "-", "--yes")
    root.run(*enrolling, user="kashi-agent", given=f"{token}\n")
    _check_measures(root, driver)

    identity = _identity(root)
    _install(root, _newer(deb, root.folder / "tmp"))
    assert "report_interval_seconds = 60" in _settings(root).read_text("utf-8")
    assert _identity(root) == identity
    _check_measures(root, driver)

    root.run("dpkg", "--remove", "kashi-agent")
    assert not (root.folder / "opt/kashi-agent").exists()
    assert _settings(root).exists()
    assert _identity(root) == identity

    root.run("dpkg", "--purge", "kashi-agent")
    root.run("getent", "passwd", "kashi-agent", expect=2)
    left = {path for path in root.files() - before if not TRACES_OF_DPKG.fullmatch(path)}
    assert {path for path in left if not path.startswith(("tmp", "run", "driver"))} == set()


def test_an_rpm_is_installed_and_erased(root: CleanRoot, rpm: Path) -> None:
    """Its scripts make the same user and state; changed settings and the state outlive it."""
    needs(Path("/usr/bin/rpm"), "rpm")
    # Debian's database of packages knows none of the names an .rpm depends on.
    asked = ["rpm", "--root", str(root.folder), "--nodeps"]
    subprocess.run([*asked, "--install", rpm], check=True, capture_output=True)
    _check_installed(root)
    _settle(root)

    subprocess.run([*asked, "--erase", "kashi-agent"], check=True, capture_output=True)

    assert not (root.folder / "opt/kashi-agent").exists()
    assert (root.folder / "etc/kashi/agent.toml.rpmsave").exists()
    assert (root.folder / STATE).is_dir()


def test_the_bundle_is_installed_upgraded_and_removed(
    python_root: CleanRoot, bundle_for_here: Path
) -> None:
    """The installer makes what the packages make; whatever goes wrong, what ran before runs on."""
    # As every host has it that runs systemd.
    (python_root.folder / "usr/lib/systemd/system-generators").mkdir(parents=True)
    before = python_root.files()
    inside = f"/tmp/{bundle_for_here.name}/install.sh"
    python_root.run(inside)
    _check_installed(python_root)
    _settle(python_root)

    with (bundle_for_here / "agent.toml").open("a", encoding="utf-8") as settings:
        settings.write("# flush_seconds = 5\n")
    assert "is damaged" in python_root.run(inside, expect=1)
    write_sums(bundle_for_here, bundle_for_here / "SHA256SUMS")
    assert "kept /etc/kashi/agent.toml" in python_root.run(inside)
    assert "report_interval_seconds = 60" in _settings(python_root).read_text("utf-8")

    library = _hidden(python_root, "libstdc++.so.6")
    assert "needs libstdc++.so.6 of the host" in python_root.run(inside, expect=1)
    library.rename(library.with_name("libstdc++.so.6"))
    assert "kashi-agent 0." in python_root.run("kashi-agent", "version")

    python_root.run(inside, "--remove")
    assert _settings(python_root).exists()
    assert (python_root.folder / STATE).is_dir()
    python_root.run(inside, "--purge")
    left = {path for path in python_root.files() - before if not TRACES_OF_DPKG.fullmatch(path)}
    assert {path for path in left if not path.startswith("tmp")} == set()


def test_the_installer_says_what_it_misses(python_root: CleanRoot, bundle: Path) -> None:
    """Another machine and a wrong command line are named; nothing was touched."""
    shutil.copytree(bundle, python_root.folder / "tmp/bundle")
    before = python_root.files()

    assert "this bundle is for aarch64" in python_root.run("/tmp/bundle/install.sh", expect=1)
    assert "usage" in python_root.run("/tmp/bundle/install.sh", "--verbose", expect=2)
    (python_root.folder / "tmp/bundle/MACHINE").write_text(f"{platform.machine()}\n")
    assert "unpack it anew" in python_root.run("/tmp/bundle/install.sh", expect=1)
    assert python_root.files() == before


def _hidden(root: CleanRoot, library: str) -> Path:
    """A library of the host that is there no more, under another name."""
    (found,) = root.folder.glob(f"usr/lib/*/{library}")
    return found.rename(found.with_name(f"no-{library}"))


def _needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("a machine of one's own needs root: run the tests as root")


def _needs_machines() -> None:
    _needs_root()
    needs(Path("/usr/bin/mmdebstrap"), "mmdebstrap")


def _install(root: CleanRoot, deb: Path) -> None:
    shutil.copy(deb, root.folder / "tmp/kashi-agent.deb")
    # Where the new default differs too, dpkg's own answer is to keep the administrator's file.
    root.run("dpkg", "--force-confdef", "--install", "/tmp/kashi-agent.deb")


def _newer(deb: Path, folder: Path) -> Path:
    """The same package as a later version, which also brings another default."""
    tree = folder / "newer"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", "Version: 99.0-1", control.read_text("utf-8")))
    with (tree / "etc/kashi/agent.toml").open("a", encoding="utf-8") as settings:
        settings.write("# flush_seconds = 5\n")
    built = folder / "newer.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--build", tree, built], check=True)
    return built


def _check_installed(root: CleanRoot) -> None:
    """A user that cannot sign in, a state folder only it may see, and nothing that starts."""
    user = root.run("getent", "passwd", "kashi-agent").strip().split(":")
    assert user[5:] == ["/var/lib/kashi-agent", "/usr/sbin/nologin"]
    state = (root.folder / STATE).stat()
    assert (state.st_mode & 0o7777, state.st_uid) == (0o700, int(user[2]))
    assert list((root.folder / STATE).iterdir()) == []
    for unit in UNITS:
        asked = ["systemctl", "--root", str(root.folder), "is-enabled", unit]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "disabled"
        text = (root.folder / "usr/lib/systemd/system" / unit).read_text("utf-8")
        (awaited,) = re.findall(r"(?m)^ConditionPathExists=(.+)$", text)
        assert not (root.folder / awaited.lstrip("/")).exists()
    root.run("kashi-agent", "run", user="kashi-agent", expect=4)


def _settings(root: CleanRoot) -> Path:
    return root.folder / "etc/kashi/agent.toml"


def _settle(root: CleanRoot) -> None:
    """What an administrator sets."""
    with _settings(root).open("a", encoding="utf-8") as settings:
        settings.write("report_interval_seconds = 60\nflush_seconds = 2\n")


def _identity(root: CleanRoot) -> dict[str, bytes]:
    folder = root.folder / STATE / "identity"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "tls.pem"}


def _check_measures(root: CleanRoot, driver: dict[str, str]) -> None:
    """Both programs as their units run them: ready by its own word, everything delivered."""
    uid = int(root.run("id", "-u", "kashi-agent"))
    with _notified(root, uid) as notified, ExitStack() as stack:
        agent = stack.enter_context(
            root.start(
                *("kashi-agent", "run"),
                user="kashi-agent",
                environment={"NOTIFY_SOCKET": "/run/kashi/notify"},
            )
        )
        meter = stack.enter_context(
            root.start("kashi-meter", user="kashi-agent", environment=driver)
        )
        _await_ready(notified)
        _await_samples(root.folder / STATE / "status.json", 10)
        for process in (meter, agent):
            process.send_signal(signal.SIGTERM)
            _, complained = process.communicate(timeout=WAIT_SECONDS)
            assert process.returncode == 0, complained

    status = json.loads((root.folder / STATE / "status.json").read_text("utf-8"))
    assert status["unacknowledged_reports"] == status["quarantined_reports"] == 0
    assert status["server_sequence"] == status["sealed_sequence"] >= 1
    checked = root.run("kashi-agent", "verify", "--json", user="kashi-agent")
    assert json.loads(checked)["findings"] == []


@contextmanager
def _notified(root: CleanRoot, uid: int) -> Iterator[socket.socket]:
    """The service manager's socket, in the run-time folder that it makes for the unit."""
    folder = root.folder / "run/kashi"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chown(folder, uid, uid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(WAIT_SECONDS)
        manager.bind(str(folder / "notify"))
        (folder / "notify").chmod(0o666)
        yield manager


def _await_ready(notified: socket.socket) -> None:
    while b"READY=1" not in notified.recv(4096).splitlines():
        pass


def _await_samples(path: Path, count: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if path.exists() and json.loads(path.read_text("utf-8"))["samples"] >= count:
            return
        time.sleep(0.05)  # nothing to wait on: the status file is replaced now and then
    pytest.fail(f"no {count} samples within {WAIT_SECONDS} s")
