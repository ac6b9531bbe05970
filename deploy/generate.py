"""Makes the Python of the contract from its `.proto` files, or checks that it is fresh.

Run as `python -m deploy.generate [--check]`; exit code 1 when the committed files are stale.
"""

import argparse
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).parent.parent / "proto"
PACKAGE = Path("kashi/v1")


def generate(target: Path) -> None:
    """Write the generated modules below `target`."""
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / PACKAGE).glob("*.proto"))
    includes = [f"-I{PROTO}", f"-I{files('grpc_tools') / '_proto'}"]
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", *includes, *outputs, *sources]) != 0:
        raise SystemExit("protoc refused the .proto files")


def stale() -> list[str]:
    """Names of committed modules that differ from what the `.proto` files make."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.name: path.read_bytes() for path in (Path(folder) / PACKAGE).iterdir()}
    committed = {path.name: path.read_bytes() for path in (PROTO / PACKAGE).glob("*_pb2*")}
    return sorted(name for name in fresh | committed if fresh.get(name) != committed.get(name))


def main() -> int:
    """Generate, or with `--check` compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if not parser.parse_args().check:
        generate(PROTO)
        return 0
    names = stale()
    if names:
        print(f"Stale: {', '.join(names)}. Run `make generate` and commit.", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
