"""Command lines that the pages mention, found in code blocks and in code spans.

`[--option X]` in them may be left out, `a | b` and `a · b` are alternatives of one group, `…`
stands for what is left out, and a line of a block goes on after a backslash.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("kashi-server", "kashi-agent", "kashi-meter", "kashi-verify")
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"^ {4}(kashi-\w+ .*)$", re.MULTILINE)
_SPAN = re.compile(r"`(?:sudo -u \S+ )?(kashi-[a-z]+ [^`]+)`")
_BARE = re.compile(r"`([a-z][a-z-]* (?!=)[^`]+)`")
_AS_USER = re.compile(r"sudo -u \S+ (?:-H )?")
_START = re.compile(rf"(?:^|\s|/)({'|'.join(PROGRAMS)})(?=\s|$)")
_ASIDE = ("useradd", "install", "systemctl", "ln", "cp", "apt", "dnf", "tar", "chown", "export")
"""Other programs, which may name ours as a unit, a user or a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A command line on a page: where, as it stands there, and its words after the program."""

    page: str
    line: int
    text: str
    program: str
    """Empty where a span may be a command without its program: `claim draft --by LOGIN`."""
    words: tuple[str, ...]
    whole: bool
    """It stands in a code block: somebody types it as it is."""

    def __str__(self) -> str:
        """Where it stands, and how."""
        return f"{self.page}:{self.line}: {self.text}"


def mentions(root: Path, page: Path) -> Iterator[Mention]:
    """Every command line of a page."""
    name = str(page.relative_to(root))
    text = page.read_text(encoding="utf-8")
    for block in _FENCE.finditer(text):
        line = text.count("\n", 0, block.start(1)) + 1
        yield from _of_block(name, line, block[1])
    prose = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    for typed in _INDENTED.finditer(prose):
        yield from _typed(name, prose.count("\n", 0, typed.start()) + 1, typed[1], whole=True)
    for span in _SPAN.finditer(prose):
        line = prose.count("\n", 0, span.start()) + 1
        said = " ".join(span[1].split())
        for one in _alternatives(said):
            yield from _typed(name, line, one, whole=False)
    for span in _BARE.finditer(prose):
        line, said = prose.count("\n", 0, span.start()) + 1, " ".join(span[1].split())
        for one in _alternatives(f"- {said}"):
            words = tuple(re.sub(r"[\[\]'\"]", " ", one).split()[1:])
            yield Mention(page=name, line=line, text=said, program="", words=words, whole=False)


def _of_block(page: str, first: int, block: str) -> Iterator[Mention]:
    line, pending = first, ""
    for place, text in enumerate(block.splitlines(), first):
        line = line if pending else place
        pending += text
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        yield from _typed(page, line, pending, whole=True)
        pending = ""


def _typed(page: str, line: int, text: str, *, whole: bool) -> Iterator[Mention]:
    for part in re.split(r"&&|;|\s\|\s|\$\(", re.sub(r"(^|\s)#.*", "", _AS_USER.sub("", text))):
        words = part.split()
        start = _START.search(part)
        if start is None or not words or words[0] in _ASIDE:
            continue
        rest = re.split(r"\s(?:>|<|2>)\s?", part[start.end(1) :])[0]
        rest = re.sub(r"[\[\]]", " ", rest)
        yield Mention(
            page=page,
            line=line,
            text=" ".join(text.split()),
            program=start[1],
            words=tuple(shlex.split(rest)),
            whole=whole,
        )


def _alternatives(said: str) -> Iterator[str]:
    """`P g a X · b Y` is `P g a X` and `P g b Y`; `P a | b` has no group; options are `P g a`'s."""
    first, *others = re.split(r" [·|] ", said)
    yield first
    words = first.split()
    options = [place for place, word in enumerate(words) if word.startswith("--")]
    group = words[:2] if len(words) > 2 and not words[2].startswith("-") else words[:1]
    for other in others:
        yield " ".join([*(words[: options[0]] if options and other[0] == "-" else group), other])
