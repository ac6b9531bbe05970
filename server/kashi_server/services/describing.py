"""What a device is, said once: later reports, and other hosts, may not say otherwise unseen."""

from collections.abc import Callable

from kashi_server.domain.report import ReportFacts
from kashi_server.domain.sequence import Judgement, judge_description
from kashi_server.services.facts_port import FactsPort
from kashi_server.services.host_chain import HostChain


def redescribed_device(
    facts: FactsPort, report: ReportFacts, chain: HostChain, flush: Callable[[], None]
) -> Judgement | None:
    """The judgement if a report describes a device otherwise than what counts of it.

    Args:
        facts: the repository.
        report: a report that would count.
        chain: its host's chain; a device that counts there is known without a query.
        flush: writes what the unit of work still holds, before other hosts are asked.
    """
    for span in report.devices:
        hardware_id = span.device.hardware_id
        if hardware_id in chain.begun:
            known = chain.described[hardware_id][1]
        else:
            flush()
            elsewhere = facts.described_elsewhere(report.host_id, hardware_id)
            if not elsewhere:
                continue
            known = elsewhere[0]
        if known is span.device:
            continue
        judgement = judge_description(known, span.device)
        if judgement is not None:
            return judgement
    return None
