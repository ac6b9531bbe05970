"""Whether a state folder survives a reboot, read from mountinfo files of other machines."""

import argparse
import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from kashi_agent import cli
from kashi_agent.commands import enrol
from kashi_agent.commands.ways_in import check_folder
from kashi_agent.errors import AgentError, VolatileError
from kashi_agent.mounts import check_survives, mount_of, parse_mounts
from kashi_agent.relay import verbs
from kashi_server.services.authority import found

ROOT = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
TMPFS = "30 22 0:25 / /var/lib/kashi-agent rw,nosuid shared:9 - tmpfs tmpfs rw,size=1g\n"
DISK = "31 22 254:16 / /var/lib/kashi-agent rw - xfs /dev/vdb rw\n"
SPACED = "32 22 0:26 / /srv/with\\040space rw - ramfs none rw\n"


def told(tmp_path: Path, *lines: str) -> Path:
    """A mountinfo file."""
    path = tmp_path / "mountinfo"
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (TMPFS, "tmpfs"),
        (TMPFS.replace("tmpfs", "ramfs"), "ramfs"),
        (TMPFS.replace("tmpfs tmpfs", "overlay overlay"), "overlay"),
        (TMPFS.replace("tmpfs tmpfs", "fuse.fuse-overlayfs fuse-overlayfs"), "fuse.fuse-overlayfs"),
    ],
)
def test_a_folder_that_forgets_is_refused_with_the_reason(
    tmp_path: Path, line: str, kind: str
) -> None:
    """The file system, where it is mounted and what to do stand in the message."""
    with pytest.raises(VolatileError, match=f"lies on {kind} .*put state_folder on a disk") as why:
        check_survives(Path("/var/lib/kashi-agent"), told(tmp_path, ROOT, line))

    assert why.value.exit_code == 10


@pytest.mark.parametrize(
    ("kind", "device"),
    [
        ("ext4", "/dev/ram0"),
        ("ext4", "/dev/zram1"),
        ("xfs", "/dev/ram0p1"),
        ("btrfs", "/dev/zram0"),
    ],
)
def test_a_file_system_on_a_device_in_memory_is_refused(
    tmp_path: Path, kind: str, device: str
) -> None:
    """A disk's file system on a disk that is none: the device stands in the message."""
    line = DISK.replace("xfs /dev/vdb", f"{kind} {device}")

    with pytest.raises(VolatileError, match=rf"lies on {kind} {device} .*lives in memory; put"):
        check_survives(Path("/var/lib/kashi-agent"), told(tmp_path, ROOT, line))


@pytest.mark.parametrize(
    "source", ["/dev/mapper/ram0-root", "/dev/ramdisk", "/dev/vg/zram", "ram0", "/srv/ram0"]
)
def test_a_disk_is_not_refused_for_its_name(tmp_path: Path, source: str) -> None:
    """Volumes may be called anything; only the kernel's own names of its devices count."""
    line = DISK.replace("/dev/vdb", source)

    check_survives(Path("/var/lib/kashi-agent"), told(tmp_path, ROOT, line))


def test_a_system_that_lives_in_an_overlay_is_refused(tmp_path: Path) -> None:
    """A diskless node or a container: what counts is the file system below the folder."""
    mountinfo = told(tmp_path, ROOT.replace("ext4 /dev/vda1", "overlay overlay"))

    with pytest.raises(VolatileError, match="overlay"):
        check_survives(Path("/var/lib/kashi-agent"), mountinfo)


def test_a_disk_mounted_into_a_system_that_forgets_is_taken(tmp_path: Path) -> None:
    """The deepest mount decides, and of two on one point the last."""
    root = ROOT.replace("ext4 /dev/vda1", "overlay overlay")

    check_survives(Path("/var/lib/kashi-agent/state"), told(tmp_path, root, DISK))
    check_survives(Path("/var/lib/kashi-agent"), told(tmp_path, root, TMPFS, DISK))
    with pytest.raises(VolatileError):
        check_survives(Path("/var/lib/kashi-agent"), told(tmp_path, root, DISK, TMPFS))


def test_names_with_blanks_are_read(tmp_path: Path) -> None:
    """proc(5) writes a blank as \\040."""
    mount = mount_of(Path("/srv/with space/x"), parse_mounts(ROOT + SPACED))

    assert mount is not None
    assert (mount.point, mount.kind) == ("/srv/with space", "ramfs")
    with pytest.raises(VolatileError):
        check_survives(Path("/srv/with space"), told(tmp_path, ROOT, SPACED))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("rubbish\n",), "Mountinfo, line 1"),
        (("",), "names no file system"),
        (None, "cannot be read"),
    ],
)
def test_what_cannot_be_told_is_no_leave(
    tmp_path: Path, lines: tuple[str, ...] | None, said: str
) -> None:
    """A file that is missing, empty or not as the kernel writes it: one sentence, and no."""
    path = tmp_path / "none" if lines is None else told(tmp_path, *lines)

    with pytest.raises(AgentError, match=said):
        check_survives(Path("/var/lib/kashi-agent"), path)


@pytest.mark.parametrize("demo", [False, True])
def test_only_a_demonstration_server_takes_hosts_that_forget(tmp_path: Path, demo: bool) -> None:
    """By the name in the root that came with the token; no option and no variable says so."""
    made = found("office", ["localhost"], b"n" * 32, 1_790_000_000_000, demo=demo)
    root = made.keyring.server_root.public_bytes(Encoding.DER)
    mountinfo = told(tmp_path, ROOT, TMPFS)
    folder = Path("/var/lib/kashi-agent")

    if demo:
        check_folder(folder, root, mountinfo)
    else:
        with pytest.raises(VolatileError):
            check_folder(folder, root, mountinfo)


@pytest.mark.parametrize("way", ["--server", "--request"])
@pytest.mark.parametrize("kind", ["host", "relay"])
def test_enrolling_stops_at_a_folder_that_forgets(tmp_path: Path, kind: str, way: str) -> None:
    """A host and a relay, over the network and by file: exit code 10 before a key is made, a file
    written or anybody called, whatever else was said."""
    made = found("office", ["localhost"], b"n" * 32, 1_790_000_000_000, demo=False)
    root = made.keyring.server_root.public_bytes(Encoding.DER)
    token = f"kashi1.secret.{base64.urlsafe_b64encode(root).decode()}"
    state, request, settings = tmp_path / "state", tmp_path / "request", tmp_path / "settings"
    line = ROOT.replace("/ / ", f"/ {tmp_path.resolve()} ").replace("ext4 /dev/vda1", "tmpfs none")
    settings.write_text(f'[{"agent" if kind == "host" else "relay"}]\nstate_folder = "{state}"\n')
    if kind == "relay":
        settings.write_text(settings.read_text() + 'names = ["localhost"]\n')
    command = [["enrol"], ["relay", "enrol"]][kind == "relay"]
    to = {"--server": "localhost:1", "--request": str(request)}[way]
    options = cli._parser().parse_args(
        [*command, "--config", str(settings), way, to, "--token", token, "--yes"]
    )
    act = enrol.run if kind == "host" else verbs.enrol

    with pytest.raises(VolatileError, match="lies on tmpfs") as why:
        act(options, told(tmp_path, ROOT, line))

    assert why.value.exit_code == 10
    assert not state.exists()
    assert not request.exists()


def test_no_option_of_enrol_is_about_the_check() -> None:
    """What would switch it off does not exist: these are all the options there are."""
    kept = argparse.ArgumentParser()
    subparsers = kept.add_subparsers()
    enrol.add(subparsers)
    options = {
        option
        for action in subparsers.choices["enrol"]._actions
        for option in action.option_strings
    }

    assert options == {
        *("-h", "--help", "--config", "--state", "--json", "--yes"),
        *("--server", "--token", "--token-file", "--server-root", "--request", "--response"),
    }
