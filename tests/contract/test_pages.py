"""The pages hold together: links lead somewhere, the map of the README is the tree."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/**/*.md")])
FOLDERS = ("agent", "deploy", "proto", "server", "tests", "verify")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link to a heading of a page says after the `#`."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


def dead_links(page: Path) -> list[str]:
    """Links of a page that lead to no file, or to no heading of one."""
    dead = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Each file that a page links is there, and the heading too where one is named."""
    assert dead_links(page) == []


def test_the_readmes_map_is_the_tree() -> None:
    """Every page of docs/, every folder that holds code and every kind of test is on the map."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    docs = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    kinds = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} - {"__pycache__"}

    assert len(docs) > 20
    assert {name for name in docs if f"({name})" not in readme} == set()
    assert {name for name in (*FOLDERS, "docs") if f"`{name}/`" not in readme} == set()
    (tests,) = (line for line in readme.splitlines() if line.startswith("| `tests/`"))
    assert kinds - set(re.findall(r"`(\w+)`", tests)) == set()


def test_the_maps_of_server_and_contract_are_their_trees() -> None:
    """Every room of the server and every module that both sides share stands in its README."""
    server, proto = ((ROOT / one / "README.md").read_text("utf-8") for one in ("server", "proto"))
    inside = [one for one in (ROOT / "server" / "kashi_server").iterdir() if one.is_dir()]
    rooms = {one.name for one in inside if not one.name.startswith("__")}
    shared = {one.stem for one in (ROOT / "proto" / "kashi").glob("*.py")} - {"__init__"}

    assert {name for name in rooms if f"`{name}/`" not in server} == set()
    assert {name for name in shared if f"`{name}`" not in proto} == set()


def test_every_make_target_on_a_page_is_in_the_makefile() -> None:
    """`make NAME` of a page is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        (str(page.relative_to(ROOT)), name)
        for page in PAGES
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)
    }

    assert named
    assert {one for one in named if one[1] not in targets} == set()


def test_every_source_file_that_a_page_names_is_there() -> None:
    """Python, protobuf and unit files in code spans, by the end of their path; so are tests."""
    files = {str(path.relative_to(ROOT)) for path in _sources()}
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    absent = []
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.M)
        for span in re.findall(r"`([^`\n]+)`", text):
            named = re.findall(r"(?<![\w/.<*])((?:[\w-]+/)*[\w-]+\.(?:py|proto|service))\b", span)
            absent += [
                f"{page.name}: {name}"
                for name in named
                if not any(f"/{file}".endswith(f"/{name}") for file in files)
            ]
            absent += [
                f"{page.name}: {name}"
                for name in re.findall(r"\btest_\w+\b(?!\.)", span)
                if f"def {name}(" not in tests and f"/{name}.py" not in "".join(files)
            ]

    assert files
    assert absent == []


def _sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for kind in ("*.py", "*.proto", "*.service"):
            yield from (ROOT / folder).rglob(kind)
