"""What a device is, said once: later reports, and other hosts, may not say otherwise unseen."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from kashi_server.domain.report import DeviceDescription, ReportFacts
from kashi_server.domain.same_hardware import hardware_key, same_cut
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
            elsewhere = settled_elsewhere(facts, report.host_id, span.device)
            if elsewhere is None:
                continue
            known = elsewhere
        if known is span.device:
            continue
        judgement = judge_description(known, span.device)
        if judgement is not None:
            return judgement
    return None


def settled_elsewhere(
    facts: FactsPort, host_id: str, said: DeviceDescription
) -> DeviceDescription | None:
    """What counts of a device on other hosts, or by another of its ids, under the id it is told by;
    None: nothing does. A partition that was cut otherwise is another device, and settles nothing.
    """
    for known in facts.described_elsewhere(host_id, said.hardware_id):
        if same_cut(known.hardware_id, _share(known), said.hardware_id, _share(said)):
            card = known.parent_hardware_id
            if hardware_key(card) == hardware_key(said.parent_hardware_id):
                card = said.parent_hardware_id
            return replace(known, hardware_id=said.hardware_id, parent_hardware_id=card)
    return None


def _share(device: DeviceDescription) -> Fraction:
    return Fraction(device.share_numerator, device.share_denominator)
