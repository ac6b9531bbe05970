"""Which loading of a driver is at work, as the kernel's own numbers tell it."""

from pathlib import Path

import pytest
from kashi_agent.meters.driver_epoch import driver_epoch


def test_a_module_loaded_anew_is_another_epoch(tmp_path: Path) -> None:
    """Its entry in /sys is a new one; as long as it stays loaded, it is the same."""
    entry = tmp_path / "module" / "nvidia"
    entry.mkdir(parents=True)
    first = driver_epoch("nvidia", tmp_path, "5.10.0-60")
    again = driver_epoch("nvidia", tmp_path, "5.10.0-60")
    entry.rename(tmp_path / "module" / "unloaded")
    entry.mkdir()

    assert first == again != 0
    assert driver_epoch("nvidia", tmp_path, "5.10.0-60") not in (0, first)


@pytest.mark.parametrize("release", ["3.10.0-1160.el7.x86_64", "4.13.16", "unknown"])
def test_a_kernel_that_gives_numbers_again_tells_no_epoch(tmp_path: Path, release: str) -> None:
    """There two loadings can have one number: unknown is not the same."""
    (tmp_path / "module" / "nvidia").mkdir(parents=True)

    assert driver_epoch("nvidia", tmp_path, release) == 0
    assert driver_epoch("nvidia", tmp_path, "4.14.0") != 0


def test_a_driver_that_cannot_be_seen_has_no_epoch(tmp_path: Path) -> None:
    """In a container without the host's /sys, for instance."""
    assert driver_epoch("nvidia", tmp_path, "6.8.0") == 0


def test_the_kernels_own_entries_have_numbers_that_stay() -> None:
    """Of any module that this kernel shows."""
    sys = Path("/sys")
    try:
        modules = sorted(path.name for path in (sys / "module").iterdir())[:5]
    except OSError:
        modules = []
    if not modules:
        pytest.skip("this kernel shows no modules in /sys/module")
    epochs = [driver_epoch(name, sys, "5.10") for name in modules]

    assert epochs == [driver_epoch(name, sys, "5.10") for name in modules]
    assert len(set(epochs)) == len(modules)
