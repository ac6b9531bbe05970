"""One step of a verification: taken, passed or failed; and what a verification is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from kashi_verify.detail import Detail
from kashi_verify.elliptic import UNREADABLE_CERTIFICATE
from kashi_verify.findings import LEVEL_OF_LAST_STEP, CheckFailed, Findings, Outcome, Step

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: the file, the root that is trusted, the bundle beside it, and the time now.

    Of several months each may have a bundle: the first in `bundle`, others in `more_bundles`.
    `tsa_root` is the root that is trusted for time-stamps; `superseded` the PDF or the bundle of
    the certificate that this one supersedes.
    """

    pdf: bytes
    now: datetime
    root: x509.Certificate | None = None
    bundle: Path | None = None
    more_bundles: tuple[Path, ...] = ()
    tsa_root: x509.Certificate | None = None
    superseded: Path | None = None

    @property
    def bundles(self) -> tuple[Path, ...]:
        """Every bundle that was given."""
        return (() if self.bundle is None else (self.bundle,)) + self.more_bundles


class Stopped(Exception):
    """A step failed; it stands in the findings."""


def take(findings: Findings, step: Step, check: Callable[[], tuple[_Result, Detail]]) -> _Result:
    """Take a step and note how it went; its result.

    Raises:
        Stopped: it failed; why stands in the findings.
    """
    try:
        result, found = check()
    except CheckFailed as failure:
        findings.outcomes.append(Outcome(step, passed=False, detail=str(failure)))
        raise Stopped from failure
    except (*UNREADABLE_CERTIFICATE, KeyError, AttributeError, IndexError) as error:
        # Data of another shape than the format's: the step that met it does not hold.
        what = f"{type(error).__name__}: {error}"
        detail = f"数据不合规定的形式。The data is not of the expected form ({what})"
        findings.outcomes.append(Outcome(step, passed=False, detail=detail))
        raise Stopped from error
    findings.outcomes.append(Outcome(step, passed=True, detail=found.en, detail_zh=found.zh))
    findings.level = LEVEL_OF_LAST_STEP.get(step, findings.level)
    return result
