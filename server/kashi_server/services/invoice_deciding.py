"""Which content of a number stands, and which invoice a red one takes back: two officers say.

Whoever was first with a number may have lied, and so may whoever named a red invoice's blue one. On
a document two officers say which content stands. The other stays stored and shown; claims that rest
on it are told and reopen; payments that do not fit what stands now are put right first.
"""

from dataclasses import replace
from typing import Final

from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.invoice_letting import Letting, existing
from kashi_server.services.invoice_versions import VERSIONS_MAX, keep_beside, told_status
from kashi_server.services.paper_deciding import PaperDeciding, check_deciding, keep_acts
from kashi_server.services.papers_port import PapersUnit, StoredInvoice
from kashi_server.services.two_officers import OfficersDecision

DECIDED_ACT: Final = "invoice-content-decided"
BLUE_ACT: Final = "invoice-blue-named"


class InvoiceDeciding(PaperDeciding):
    """Lets a content of a number stand."""

    def decide(
        self, number: str, version: int, decision: OfficersDecision, document: str
    ) -> StoredInvoice:
        """Let one of the contents that were told of a number stand, by two officers.

        Args:
            number: the invoice.
            version: which content, as `invoices show` counts them.
            decision: who decided, and why.
            document: what shows it, like the bureau's answer.

        Raises:
            NotFound: there is no such invoice or version.
            Refused: only one content was told, payments do not fit, or one is no officer.
            InvalidValue: no document is named.
        """
        with self._work.begin() as unit:
            stored = self._begun(unit, number, decision, document, [])
            versions = {one.version: one for one in unit.invoices.versions(number)}
            if not versions:
                raise Refused(
                    f"发票 {number} 只有一种内容，无可裁定。"
                    f"Only one content of invoice {number} was told: nothing is contested"
                )
            if version not in versions:
                raise NotFound(
                    f"发票 {number} 没有第 {version} 版。Invoice {number} has no version {version};"
                    " see: invoices show"
                )
            made = Letting(unit, self._watch, decision, document.strip(), self._clock())
            made.stand(stored, versions[version], len(versions))
            keep_acts(unit, decision, DECIDED_ACT, number, made.utc_ms)
            found = existing(unit, number)
            unit.commit()
        return found

    def name_blue(
        self, number: str, blue_number: str, decision: OfficersDecision, document: str
    ) -> StoredInvoice:
        """Say which invoice a red one takes back where it was told falsely, by two officers.

        Raises:
            NotFound: there is no such invoice.
            Refused: it is not red, says so already, or one of the two is no officer.
            InvalidValue: that is no number, or no document is named.
        """
        with self._work.begin() as unit:
            stored = self._begun(unit, number, decision, document, [blue_number])
            if not stored.invoice.red:
                raise Refused(
                    f"发票 {number} 不是红字发票。Invoice {number} is not red: it takes back none"
                )
            if stored.invoice.blue_number == blue_number:
                raise Refused(
                    f"红字发票 {number} 本已对应 {blue_number}。"
                    f"Red invoice {number} takes back {blue_number} already"
                )
            made = Letting(unit, self._watch, decision, document.strip(), self._clock())
            told = replace(stored.invoice, blue_number=blue_number)
            said = (made.document, made.both, made.utc_ms)
            what = (told, told_status(unit, stored))
            version = keep_beside(unit, stored, what, said, exactly=True, most=2 * VERSIONS_MAX)
            if version is None:
                raise Refused(
                    f"发票 {number} 已有过多版本。Too many contents of invoice {number} are kept"
                )
            versions = list(unit.invoices.versions(number))
            made.stand(stored, versions[version - 1], len(versions))
            keep_acts(unit, decision, BLUE_ACT, number, made.utc_ms)
            found = existing(unit, number)
            unit.commit()
        return found

    def _begun(
        self,
        unit: PapersUnit,
        number: str,
        decision: OfficersDecision,
        document: str,
        others: list[str],
    ) -> StoredInvoice:
        if not document.strip():
            raise InvalidValue(
                "依据何文件？请用 --document 指明。What shows it? Name it with --document"
            )
        check_deciding(unit, decision)
        unit.expense.lock()
        blues = {one.invoice.blue_number for one in unit.invoices.versions(number)}
        known = unit.invoices.invoice(number)
        blues |= {known.invoice.blue_number} if known else set()
        for one in sorted({number, *others, *blues} - {""}):
            unit.invoices.lock(one)
        return existing(unit, number)
