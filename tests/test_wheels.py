"""Each distribution stands alone: built, installed by itself in a clean environment, imported."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WHEELS = ROOT / "build" / "wheels"
LOCK = ROOT / "requirements.lock"

# Distribution -> (import package, distributions it may bring along).
ALONE = {
    "proto": ("kashi", ["proto"]),
    "agent": ("kashi_agent", ["proto", "agent"]),
    "server": ("kashi_server", ["proto", "server"]),
    "verify": ("kashi_verify", ["verify"]),
}

IMPORT_WHOLE = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
skip = {"env", "__main__"}  # run inside Alembic only, and as a program
names = [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if name.rsplit(".", 1)[-1] not in skip and ".migrations." not in name:
        importlib.import_module(name)
print(len(names))
"""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command and give its output; its error output stands in the failure."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels() -> dict[str, Path]:
    """One wheel a distribution, built from the tree as it stands."""
    built = {}
    for name in ALONE:
        target = WHEELS / name
        for old in target.glob("*.whl"):
            old.unlink()
        run(
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
            "--no-build-isolation", "--wheel-dir", target, ROOT / name,
        )  # fmt: skip
        (built[name],) = target.glob("*.whl")
    return built


def environment(name: str) -> Path:
    """A clean environment, made once for a lock file and its distribution's own needs."""
    needs = LOCK.read_bytes() + (ROOT / name / "pyproject.toml").read_bytes()
    place = WHEELS / f"env-{name}-{hashlib.sha256(needs).hexdigest()[:12]}"
    if not place.exists():
        venv.create(place, with_pip=True)
    return place / "bin" / "python"


@pytest.mark.parametrize("name", sorted(ALONE))
def test_wheel_works_alone(name: str, wheels: dict[str, Path]) -> None:
    """A wheel needs only what it declares: it imports whole and its own unit tests pass."""
    package, along = ALONE[name]
    python = environment(name)
    constraints = WHEELS / "constraints.txt"
    pins = [line.split(" ;")[0].rstrip(" \\") for line in LOCK.read_text().splitlines()]
    constraints.write_text("\n".join(pin for pin in pins if "==" in pin and pin[0].isalnum()))

    quiet = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(python, *quiet, "--force-reinstall", "--no-deps", *(wheels[part] for part in along))
    run(
        python, *quiet, "--constraint", constraints,
        "--find-links", WHEELS / "proto", wheels[name], "pytest", "hypothesis",
    )  # fmt: skip
    imported = int(run(python, "-c", IMPORT_WHOLE, package, cwd=WHEELS))
    run(
        python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--confcutdir", ROOT / "tests/unit",
        "--rootdir", ROOT, ROOT / "tests/unit" / name,
    )  # fmt: skip

    assert imported > 1
