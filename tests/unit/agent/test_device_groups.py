"""The generator that has the meter's unit join the vendors' device groups."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GENERATOR = ROOT / "deploy" / "generators" / "kashi-meter-groups"
UNIT = ROOT / "deploy" / "systemd" / "kashi-meter.service"
DROP_IN = Path("kashi-meter.service.d/device-groups.conf")


def generated(folder: Path, *groups: str) -> str | None:
    """The drop-in of a host with these groups; None when there is none."""
    file = folder / "group"
    file.write_text("".join(f"{name}:x:{1_000 + n}:\n" for n, name in enumerate(groups)))
    subprocess.run([GENERATOR, folder, folder, folder, file], check=True)
    return (folder / DROP_IN).read_text() if (folder / DROP_IN).exists() else None


@pytest.mark.parametrize(
    ("groups", "joined"),
    [
        (("root", "video", "render", "HwHiAiUser"), "video render HwHiAiUser"),
        (("root", "HwHiAiUser"), "HwHiAiUser"),
        (("root", "video", "HwHiAiUser2", "myrender"), "video"),
    ],
)
def test_the_meter_joins_the_groups_that_exist(
    tmp_path: Path, groups: tuple[str, ...], joined: str
) -> None:
    """The vendor's group by its very name, where it is present, and no other."""
    assert generated(tmp_path, *groups) == f"[Service]\nSupplementaryGroups={joined}\n"


def test_without_any_of_them_nothing_is_generated(tmp_path: Path) -> None:
    """A host without an accelerator's group gets a unit that starts all the same."""
    assert generated(tmp_path, "root", "staff") is None


def test_systemd_understands_unit_and_drop_in_together(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say of the unit with its generated drop-in."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent: install systemd")
    generated(tmp_path, "video", "HwHiAiUser")
    text = UNIT.read_text(encoding="utf-8").replace("/usr/bin/kashi-meter", "/bin/true")
    (tmp_path / UNIT.name).write_text(text, encoding="utf-8")

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / UNIT.name],
        capture_output=True,
        text=True,
        check=False,
    )

    about = [line for line in done.stderr.splitlines() if "kashi-meter" in line]
    assert [
        line for line in about if "device-groups" in line or "SupplementaryGroups" in line
    ] == []
    assert "SupplementaryGroups" not in UNIT.read_text("utf-8").replace(
        "SupplementaryGroups= is", ""
    )
