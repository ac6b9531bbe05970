"""Who may import whom: the walls of the house, read from the source without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "server" / "kashi_server"

# Rooms of the server and the rooms they may look into; what all may use stands first.
EVERYWHERE = {"kashi_server.errors"}
ROOMS = {
    "domain": set[str](),
    "services": {"domain"},
    "storage": {"services", "domain"},
    "documents": {"services", "domain"},
    "log": {"services", "domain"},
    "ingest": {"services", "domain"},
    "portal": {"services", "domain"},
}

# Third parties that live behind one door.
DOORS = {
    "sqlalchemy": ("server/kashi_server/storage",),
    "alembic": ("server/kashi_server/storage",),
    "psycopg": ("server/kashi_server/storage",),
    "grpc": (
        "server/kashi_server/ingest",
        "agent/kashi_agent/shipping",
        "agent/kashi_agent/enrolment",
        "agent/kashi_agent/relay/port.py",
        "proto/kashi/v1",
    ),
    "fastapi": ("server/kashi_server/portal",),
    "starlette": ("server/kashi_server/portal",),
    "pydantic": ("server/kashi_server/portal",),
    "jinja2": ("server/kashi_server/portal",),
    "typst": ("server/kashi_server/documents",),
    "pyhanko": ("server/kashi_server/documents",),
    "pkcs11": (
        "server/kashi_server/documents",
        "agent/kashi_agent/token_session.py",
        "agent/kashi_agent/token_slot.py",
    ),
    "openpyxl": ("server/kashi_server/documents",),
    "segno": ("server/kashi_server/documents",),
    "pynvml": ("agent/kashi_agent/meters/nvml",),
}

# Distributions: what each may import of the others.
DISTRIBUTIONS = {
    "proto/kashi": {"kashi"},
    "agent/kashi_agent": {"kashi", "kashi_agent"},
    "server/kashi_server": {"kashi", "kashi_server"},
    "verify/kashi_verify": {"kashi_verify"},
}

BUCKETS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "data", "info"}


def sources() -> list[Path]:
    """Every Python file of the four distributions."""
    return sorted(path for place in DISTRIBUTIONS for path in (ROOT / place).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place_of(path: Path) -> str:
    """Where a file stands, from the root."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", sources(), ids=place_of)
def test_file_imports_only_what_its_room_may(path: Path) -> None:
    """A file imports its own distribution's allowed rooms and third parties behind their doors."""
    distribution = next(place for place in DISTRIBUTIONS if place_of(path).startswith(place + "/"))
    ours = {"kashi", "kashi_agent", "kashi_server", "kashi_verify"}

    for module in imports(path):
        top = module.split(".")[0]
        if top in ours:
            assert top in DISTRIBUTIONS[distribution], f"{place_of(path)} imports {module}"
        if top in DOORS:
            assert place_of(path).startswith(DOORS[top]), f"{place_of(path)} imports {module}"


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_room_of_the_server_looks_only_where_it_may(room: str) -> None:
    """Layers first: a room imports itself, the rooms named for it, and nothing else."""
    allowed = {f"kashi_server.{name}" for name in ROOMS[room] | {room}} | EVERYWHERE

    for path in sorted((SERVER / room).rglob("*.py")):
        for module in imports(path):
            if module.startswith("kashi_server."):
                assert any(module == name or module.startswith(name + ".") for name in allowed), (
                    f"{place_of(path)} imports {module}"
                )


def test_domain_is_pure() -> None:
    """The domain imports the standard library and itself, no clock, no randomness, no files."""
    forbidden = {"time", "random", "secrets", "os", "pathlib", "socket", "subprocess", "uuid"}
    import sys

    for path in sorted((SERVER / "domain").rglob("*.py")):
        for module in imports(path):
            top = module.split(".")[0]
            known = top in sys.stdlib_module_names or top in {"kashi_server", "kashi"}
            assert known, f"{place_of(path)} imports {module}"
            assert top not in forbidden, f"{place_of(path)} imports {module}"


def test_no_module_is_named_for_a_bucket() -> None:
    """Every file is named for a noun of the house."""
    named = [place_of(path) for path in sources() if path.stem in BUCKETS]

    assert named == []


def test_every_file_can_be_read_in_one_go() -> None:
    """No file of the distributions grows past 500 lines; generated ones apart."""
    long = {
        place_of(path): count
        for path in sources()
        if "_pb2" not in path.name
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }

    assert long == {}
