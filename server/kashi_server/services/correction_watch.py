"""Who must know when a statement is corrected: claims that rest on it, certificates issued of it.

A correction calls every watch once for each statement it revises, in its own unit of work and
before that commits: what a watch does stands or falls with the correction, and a watch that raises
keeps it from being made.
"""

from typing import Protocol

from kashi_server.services.corrections_port import CorrectionRun, CorrectionUnit, RevisedStatement


class CorrectionWatch(Protocol):
    """Hears of corrected statements."""

    def corrected(
        self, unit: CorrectionUnit, run: CorrectionRun, statement: RevisedStatement
    ) -> None:
        """A statement has a new revision.

        Args:
            unit: the correction's unit of work; not to be committed. The new revision, its lines
                and the run can be read through it already.
            run: the correction: who, when, why, and the month it is booked in.
            statement: which statement, its new revision, the one before (None: there was none),
                and by how much its amounts change, in fen.
        """
