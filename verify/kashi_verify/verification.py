"""The verification of a usage certificate, step by step. The first step that fails ends it.

The document:
 1. The file opens as a PDF and carries exactly one signature, which permits no change.
 2. The signature's byte range covers the whole file: nothing was added after signing.
 3. The digest and the CMS signature hold, with the attributes PAdES asks for; so does a time-stamp
    that stands in it.
 4. The signer's certificates lead, with the usage for documents, to the root that was given; those
    of a time-stamp to its authority's.
 5. The head and every file it names are attached, each spelled canonically, each with the hash that
    names it; a time-stamp is there if the head says so. The superseded certificate, if it was
    given, is the one the head names by number and hash.
The statement, or the statements of several months:
 6. The text of the pages agrees with the attached data.
 7. The arithmetic holds: every line, the totals, the days; the summary by month, model and level,
    its amounts in capitals, the lines as CSV. What is said twice is said alike. No line earns what
    its reasons forbid, and no flag is missing that the lines themselves call for.
 8. The rules are those whose hash the statement names; what is eligible is so under them; and the
    estimate follows from them.
The evidence, given a bundle (of several months one each, as their own certificates carry it):
 9. The bundle belongs to this certificate: the same bytes; it carries the head of what it
    supersedes, under the hash that names it.
10. The hosts' reports: signatures, chain links, block digests, the root over them.
11. The server's receipts: one a report, under the server's root.
12. The log: every receipt is in it, under the signed checkpoint of the statement's cut-off.
13. The recount: the minutes of the revealed blocks add up to every line, exactly; none twice, and
    every device is what part of a card its host signed.

What this shows and does not: a signature says who said it, not that it is true. Whether a
certificate was withdrawn or superseded since, only the issuer's verification page tells.
"""

from kashi_verify.document_steps import verify_document
from kashi_verify.evidence_steps import verify_evidence
from kashi_verify.findings import Findings
from kashi_verify.statement_steps import verify_statement
from kashi_verify.stepping import Question, Stopped

__all__ = ["Question", "verify"]


def verify(question: Question) -> Findings:
    """Check a certificate as the module says. Never raises for what the files hold."""
    findings = Findings()
    try:
        attached = verify_document(question, findings)
        verify_statement(attached, findings)
        if question.bundles:
            verify_evidence(question.bundles, attached, findings)
    except Stopped:
        pass
    return findings
