"""The spool: what was measured, durable, until the server has it."""

from kashi_agent.spool.sealed import Entry, SealedReport
from kashi_agent.spool.spool import Spool, SpoolRecovery

__all__ = ["Entry", "SealedReport", "Spool", "SpoolRecovery"]
