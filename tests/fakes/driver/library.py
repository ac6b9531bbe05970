"""Building a vendor's fake library and pointing a process at it."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FLAGS: Final = ("-O2", "-Wall", "-Wextra", "-Werror", "-std=c11", "-fPIC", "-shared")
HERE: Final = Path(__file__).parent
SHARED: Final = (HERE / "driver.c", HERE / "driver.h")


def compiler() -> str | None:
    """The C compiler of this machine; None when there is none."""
    return shutil.which("cc") or shutil.which("gcc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A fake library: its file name, what it exports and where it finds its scenario.

    `sources` are the C files and headers beside the shared ones; `exported` is a pattern of the
    linker's version script; `variable` of the environment names the scenario file.
    """

    soname: str
    folder: str
    sources: tuple[Path, ...]
    exported: str
    variable: str

    def built(
        self, build: Path, without: frozenset[str] = frozenset(), flags: tuple[str, ...] = ()
    ) -> Path:
        """Folder with the library, compiled once for each state of its sources.

        `without` names symbols an older driver does not have; they are not exported.
        CalledProcessError when the compiler refuses, FileNotFoundError when there is none.
        """
        folder = build / self.folder / self._key(flags, without)
        if not (folder / self.soname).exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._compile(folder, flags, without)
        return folder

    def environment(self, folder: Path, scenario: Path, base: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process that shall meet the fake driver and this scenario."""
        paths = [str(folder), base.get("LD_LIBRARY_PATH", "")]
        return {
            **base,
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths)),
            self.variable: str(scenario),
        }

    def _key(self, flags: tuple[str, ...], without: frozenset[str]) -> str:
        """Names the build by everything that goes into it."""
        digest = hashlib.sha256("\0".join([*FLAGS, *flags, *sorted(without)]).encode())
        for source in (*self.sources, *SHARED):
            digest.update(source.read_bytes())
        return digest.hexdigest()[:16]

    def _compile(self, folder: Path, flags: tuple[str, ...], without: frozenset[str]) -> None:
        """Compile beside the target and move it there: two runs cannot meet half a file."""
        found = compiler()
        if found is None:
            raise FileNotFoundError("no C compiler: install gcc")
        versions = folder / f"{os.getpid()}.map"
        hidden = "".join(f" {name};" for name in sorted(without))
        script = f"{{ global: {self.exported}; local:{hidden} *; }};\n"
        versions.write_text(script, encoding="ascii")
        made = folder / f"{os.getpid()}.so"
        subprocess.run(
            [
                found,
                *FLAGS,
                *flags,
                "-fvisibility=hidden",
                f"-Wl,-soname,{self.soname}",
                f"-Wl,--version-script,{versions}",
                "-o",
                str(made),
                *(str(path) for path in (*self.sources, *SHARED) if path.suffix == ".c"),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        made.replace(folder / self.soname)
        versions.unlink()
