"""What a verification finds: steps passed or failed, flags, the level reached, the verdict."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Step(IntEnum):
    """The numbered steps of `verification`, in their order."""

    OPEN = 1
    COVERAGE = 2
    SIGNATURE = 3
    CHAIN = 4
    ATTACHMENTS = 5
    PAGES = 6
    ARITHMETIC = 7
    RULES = 8
    BUNDLE = 9
    REPORTS = 10
    RECEIPTS = 11
    LOG = 12
    RECOUNT = 13


class Level(StrEnum):
    """How far a certificate was followed."""

    NONE = "none"
    DOCUMENT = "document"
    STATEMENT = "statement"
    EVIDENCE = "evidence"


class Verdict(StrEnum):
    """The answer."""

    VALID = "valid"
    FLAGGED = "flagged"
    UNTRUSTED = "untrusted"
    INVALID = "invalid"


LEVEL_OF_LAST_STEP = {
    Step.ATTACHMENTS: Level.DOCUMENT,
    Step.RULES: Level.STATEMENT,
    Step.RECOUNT: Level.EVIDENCE,
}


class CheckFailed(Exception):
    """A step does not hold; the message says what was found and what was expected: a Chinese
    sentence, then the same in English."""


class Unreadable(Exception):
    """A file is not there, is too large, or is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a reader should know although the step holds."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step and how it ended; `detail` says what was checked, in English, or what failed, in
    Chinese and in English; `detail_zh` the first in Chinese, empty where the step failed."""

    step: Step
    passed: bool
    detail: str
    detail_zh: str = ""


@dataclass(slots=True)
class Findings:
    """Everything found so far."""

    outcomes: list[Outcome] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    level: Level = Level.NONE
    trusted: bool = False
    summary: dict[str, str] = field(default_factory=dict)

    def flag(self, code: str, detail: str) -> None:
        """Note something that does not make the certificate invalid."""
        self.flags.append(Flag(code, detail))

    @property
    def failure(self) -> Outcome | None:
        """The step that failed, if one did; nothing is checked after it."""
        return next((outcome for outcome in self.outcomes if not outcome.passed), None)

    @property
    def verdict(self) -> Verdict:
        """Invalid beats untrusted, untrusted beats flagged."""
        if self.failure is not None or self.level is Level.NONE:
            return Verdict.INVALID
        if not self.trusted:
            return Verdict.UNTRUSTED
        return Verdict.FLAGGED if self.flags else Verdict.VALID
