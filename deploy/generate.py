"""Makes the Python of the contract from its `.proto` files, and the published JSON Schemas; or
checks that they are fresh.

Run as `python -m deploy.generate [--check]`; exit code 1 when the committed files are stale.
"""

import argparse
import json
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc
from kashi_server.domain.evaluation.case_data import case_schema
from kashi_server.domain.rules_schema import rules_schema
from kashi_server.domain.usage_source.schema import usage_mapping_schema
from kashi_server.services.rulebook import PROGRAMMES

PROTO = Path(__file__).parent.parent / "proto"
PACKAGE = Path("kashi/v1")


def generate(target: Path) -> None:
    """Write the generated modules below `target`."""
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / PACKAGE).glob("*.proto"))
    includes = [f"-I{PROTO}", f"-I{files('grpc_tools') / '_proto'}"]
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", *includes, *outputs, *sources]) != 0:
        raise SystemExit("protoc refused the .proto files")


def schemas() -> dict[Path, str]:
    """The published schemas and the files they stand in."""
    made = {
        "rules.schema.json": rules_schema(),
        "case.schema.json": case_schema(),
        "usage-mapping.schema.json": usage_mapping_schema(),
    }
    return {
        PROGRAMMES / name: json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for name, schema in made.items()
    }


def stale() -> list[str]:
    """Names of committed files that differ from what their sources make."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.name: path.read_bytes() for path in (Path(folder) / PACKAGE).iterdir()}
    committed = {path.name: path.read_bytes() for path in (PROTO / PACKAGE).glob("*_pb2*")}
    differing = [name for name in fresh | committed if fresh.get(name) != committed.get(name)]
    differing += [
        file.name
        for file, text in schemas().items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    return sorted(differing)


def main() -> int:
    """Generate, or with `--check` compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if not parser.parse_args().check:
        generate(PROTO)
        for file, text in schemas().items():
            file.write_text(text, encoding="utf-8")
        return 0
    names = stale()
    if names:
        print(f"Stale: {', '.join(names)}. Run `make generate` and commit.", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
