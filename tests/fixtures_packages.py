"""The agent's packages as `make packages` makes them, made once for each state of their sources.

def test_something(packages: Path) -> None:     # the folder build/packages
def test_another(unpacked: Path) -> None:       # what the .deb puts on a host
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from deploy.packages.__main__ import PACKAGES, ROOT, WORK
from deploy.packages.freeze import PYTHON, PYTHON_PACKAGES
from deploy.packages.staging import DOCUMENTS, PLACES

SOURCES: Final = ("agent", "proto/kashi", "deploy/packages", *(f"deploy/{name}" for name in PLACES))
FILES: Final = ("requirements.lock", *DOCUMENTS)
MADE_OF: Final = WORK / "made-of.sha256"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder of packages, fresh."""
    needs(Path("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0"), PYTHON_PACKAGES)
    needs(PYTHON, PYTHON_PACKAGES)
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = _state()
        if not MADE_OF.exists() or MADE_OF.read_text() != state or not _whole():
            MADE_OF.unlink(missing_ok=True)
            done = subprocess.run(
                [sys.executable, "-m", "deploy.packages"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                umask=0o077,  # a careful maker's: nothing of it may reach the host
            )
            assert done.returncode == 0, done.stderr
            MADE_OF.write_text(state)
    return PACKAGES


@pytest.fixture(scope="session")
def deb(packages: Path) -> Path:
    """The `.deb`."""
    (path,) = packages.glob("*.deb")
    return path


@pytest.fixture(scope="session")
def rpm(packages: Path) -> Path:
    """The `.rpm`."""
    (path,) = packages.glob("*.rpm")
    return path


@pytest.fixture(scope="session")
def bundle(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked bundle for aarch64."""
    (path,) = packages.glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("bundle")
    shutil.unpack_archive(path, folder, filter="data")
    (inside,) = folder.iterdir()
    return inside


@pytest.fixture(scope="session")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the `.deb` puts on a host, in a folder."""
    needs(Path("/usr/bin/dpkg-deb"), "dpkg")
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--extract", deb, folder], check=True)
    return folder


def needs(program: Path, package: str) -> None:
    """Skip where a program is absent, naming the package that has it."""
    if not program.exists():
        pytest.skip(f"{program} is absent: install {package}")


def _whole() -> bool:
    """Everything made is still there as it was made."""
    sums = PACKAGES / "SHA256SUMS"
    if not sums.exists():
        return False
    checked = ["sha256sum", "--check", "--status", sums.name]
    return subprocess.run(checked, cwd=PACKAGES, check=False).returncode == 0


def _state() -> str:
    """The digest of everything that goes into the packages."""
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(f"{path.relative_to(ROOT)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (ROOT / name for name in FILES)
    for folder in SOURCES:
        yield from (
            path
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
