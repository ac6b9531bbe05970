"""Which rows the portal's role sees on PostgreSQL, as policies over a few functions.

`kashi.party` names the party of the transaction; `*` is the office, nothing is nobody. The
functions run with the owner's rights: they read whole tables to say what is the party's, and tell
nothing else. They return intervals of UTC minutes as `services.sight` knows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SETTING: Final = "kashi.party"

_PARTY: Final = f"(SELECT current_setting('{SETTING}', true))"
_OFFICE: Final = f"{_PARTY} = '*'"
_FOREVER: Final = "9223372036854775807"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityFunction:
    """A function that row policies ask."""

    name: str
    arguments: str
    returns: str
    body: str

    @property
    def signature(self) -> str:
        """How GRANT names it."""
        return f"{self.name}({self.arguments})"

    @property
    def create(self) -> str:
        """The statement that makes or renews it."""
        return (
            f"CREATE OR REPLACE FUNCTION {self.signature} RETURNS {self.returns}"
            " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
            f" AS $$ {self.body} $$"
        )


_HOST_SPANS: Final = "TABLE (host_id text, start_minute bigint, end_minute bigint)"
_DEVICE_SPANS: Final = "TABLE (hardware_id text, start_minute bigint, end_minute bigint)"


def _key(hardware_id: str) -> str:
    """`domain.same_hardware.hardware_key`."""
    return (
        f"CASE WHEN left(lower({hardware_id}), 4) = 'mig-'"
        f" THEN split_part(lower({hardware_id}), '.', 1) ELSE lower({hardware_id}) END"
    )


def _cut(hardware_id: str) -> str:
    """`domain.same_hardware.cut_in`."""
    return (
        f"CASE WHEN left(lower({hardware_id}), 4) = 'mig-' AND strpos({hardware_id}, '.') > 0"
        f" THEN substr(lower({hardware_id}), strpos({hardware_id}, '.') + 1) ELSE '' END"
    )


FUNCTIONS: Final = (
    SecurityFunction(
        name="kashi_own_hosts",
        arguments="",
        returns=_HOST_SPANS,
        # Tenures that name the party; and of hosts it enrolled, what no tenure speaks of.
        body=f"""
            SELECT t.host_id, t.start_minute, coalesce(t.end_minute, {_FOREVER})
            FROM tenures t WHERE {_PARTY} IN (t.owner_id, t.operator_id)
            UNION ALL
            SELECT rest.host_id, rest.after, rest.before FROM (
                SELECT spoken.host_id, spoken.end_minute AS after,
                    coalesce(lead(spoken.start_minute) OVER (
                        PARTITION BY spoken.host_id
                        ORDER BY spoken.start_minute, spoken.end_minute
                    ), {_FOREVER}) AS before
                FROM (
                    SELECT t.host_id, t.start_minute,
                        coalesce(t.end_minute, {_FOREVER}) AS end_minute
                    FROM tenures t
                    UNION ALL SELECT h.host_id, 0, 0 FROM hosts h
                ) spoken
            ) rest
            JOIN hosts h ON h.host_id = rest.host_id
            WHERE h.operator_party_id = {_PARTY} AND rest.after < rest.before
        """,
    ),
    SecurityFunction(
        name="kashi_leases",
        arguments="",
        returns=_DEVICE_SPANS,
        # Confirmed assignments; what they cover under another id of its hardware, as
        # `domain.same_hardware.covers` says; and who leases a device leases what it is cut into.
        body=f"""
            WITH leased AS (
                SELECT a.hardware_id, {_key("a.hardware_id")} AS key,
                    {_cut("a.hardware_id")} AS cut, a.start_minute,
                    coalesce(a.end_minute, {_FOREVER}) AS until
                FROM assignments a JOIN contracts c ON c.contract_id = a.contract_id
                WHERE a.confirmed_by IS NOT NULL AND {_PARTY} IN (c.user_id, c.provider_id)
            ), told AS (
                SELECT d.hardware_id, {_cut("d.hardware_id")} AS cut, d.share_numerator,
                    d.share_denominator, l.cut AS leased_cut, l.start_minute, l.until
                FROM leased l JOIN devices d ON d.hardware_key = l.key
            )
            SELECT l.hardware_id, l.start_minute, l.until FROM leased l
            UNION ALL
            SELECT DISTINCT t.hardware_id, t.start_minute, t.until FROM told t
            WHERE t.leased_cut IN ('', t.cut) OR t.cut = '' AND CASE
                WHEN t.leased_cut ~ '^[1-9][0-9]{{0,8}}of[1-9][0-9]{{0,8}}(-|$)' THEN
                    split_part(t.leased_cut, 'of', 1)::bigint * t.share_denominator
                    = split_part(split_part(t.leased_cut, 'of', 2), '-', 1)::bigint
                    * t.share_numerator
                ELSE false END
            UNION ALL
            SELECT DISTINCT d.hardware_id, l.start_minute, l.until
            FROM leased l JOIN devices d ON d.parent_key = l.key
        """,
    ),
    SecurityFunction(
        name="kashi_leased_hosts",
        arguments="",
        returns=_HOST_SPANS,
        body="""
            SELECT DISTINCT d.host_id, l.start_minute, l.end_minute
            FROM kashi_leases() l JOIN devices d ON d.hardware_id = l.hardware_id
        """,
    ),
    SecurityFunction(
        name="kashi_contested",
        arguments="hardware text, at_hour integer",
        returns="boolean",
        # An hour of hardware that the party's own host reported too, under whatever id of it: a
        # conflict concerns both.
        body=f"""
            SELECT EXISTS (
                SELECT 1 FROM kashi_own_hosts() h
                JOIN devices d ON d.host_id = h.host_id
                AND d.hardware_key = {_key("hardware")}
                JOIN device_hours o ON o.host_id = d.host_id AND o.hardware_id = d.hardware_id
                WHERE o.hour = at_hour
                AND h.start_minute < (at_hour + 1) * 60::bigint
                AND at_hour * 60::bigint < h.end_minute
            )
        """,
    ),
    SecurityFunction(
        name="kashi_counterparts",
        arguments="",
        returns="SETOF text",
        # Whom a party has a contract with, and who shares a host with it.
        body=f"""
            SELECT c.provider_id FROM contracts c WHERE c.user_id = {_PARTY}
            UNION SELECT c.user_id FROM contracts c WHERE c.provider_id = {_PARTY}
            UNION SELECT t.owner_id FROM tenures t WHERE t.operator_id = {_PARTY}
            UNION SELECT t.operator_id FROM tenures t WHERE t.owner_id = {_PARTY}
            UNION SELECT {_PARTY}
        """,
    ),
    SecurityFunction(
        name="kashi_contracts",
        arguments="",
        returns="SETOF text",
        body=f"SELECT contract_id FROM contracts WHERE {_PARTY} IN (provider_id, user_id)",
    ),
    SecurityFunction(
        name="kashi_invoice_versions",
        arguments="",
        returns="TABLE (number text, version integer)",
        body=f"SELECT number, version FROM invoices WHERE {_PARTY} IN (seller_id, buyer_id)",
    ),
    SecurityFunction(
        name="kashi_invoice_statuses",
        arguments="",
        returns="TABLE (number text, change integer)",
        # How the party's invoices stood, since the latest decision that let another content stand:
        # before that they may have been others'. A decision's own status is the first of its word.
        body=f"""
            WITH switched AS (
                SELECT DISTINCT ON (d.number) d.* FROM (
                    SELECT one.*, lag(one.version, 1, 1) OVER (
                        PARTITION BY one.number ORDER BY one.decision
                    ) AS before
                    FROM invoice_decisions one
                ) d WHERE d.version <> d.before ORDER BY d.number, d.decision DESC
            ), since AS (
                SELECT w.number, max(s.change) AS change
                FROM switched w LEFT JOIN invoice_statuses s ON s.number = w.number
                AND s.decided AND s.source = w.document AND s.told_by = w.decided_by
                AND s.told_utc_ms = w.decided_utc_ms
                GROUP BY w.number
            )
            SELECT s.number, s.change
            FROM invoices i JOIN invoice_statuses s ON s.number = i.number
            LEFT JOIN since ON since.number = i.number
            WHERE {_PARTY} IN (i.seller_id, i.buyer_id)
            AND (since.number IS NULL OR s.change >= since.change)
        """,
    ),
    SecurityFunction(
        name="kashi_payments",
        arguments="",
        returns="TABLE (payer_id text, reference text)",
        body=f"SELECT payer_id, reference FROM payments WHERE {_PARTY} IN (payer_id, payee_id)",
    ),
    SecurityFunction(
        name="kashi_attestations",
        arguments="",
        returns="SETOF text",
        body=f"SELECT attestation_id FROM attestations WHERE {_PARTY} IN (provider_id, user_id)",
    ),
    SecurityFunction(
        name="kashi_gap_explanations",
        arguments="",
        returns="SETOF text",
        # What the party said itself, and what was said of time that is the party's.
        body=f"""
            SELECT g.explanation_id FROM gap_explanations g WHERE g.party_id = {_PARTY}
            UNION SELECT g.explanation_id FROM gap_explanations g
            JOIN kashi_own_hosts() h ON h.host_id = g.host_id
            WHERE h.start_minute < g.end_minute AND g.start_minute < h.end_minute
            UNION SELECT g.explanation_id FROM gap_explanations g
            JOIN kashi_leases() l ON l.hardware_id = g.hardware_id
            WHERE l.start_minute < g.end_minute AND g.start_minute < l.end_minute
        """,
    ),
    SecurityFunction(
        name="kashi_claims",
        arguments="",
        returns="SETOF text",
        # Those it makes, and those it is paid for.
        body=f"SELECT claim_id FROM claims WHERE {_PARTY} IN (company_id, payee_id)",
    ),
    SecurityFunction(
        name="kashi_certificates",
        arguments="",
        returns="SETOF text",
        body=f"SELECT number FROM certificates WHERE user_id = {_PARTY}",
    ),
)


def _spans(function: str, key: str, start: str, end: str) -> str:
    """Whether the function's intervals of this row's key touch [start, end), in minutes."""
    return (
        f"EXISTS (SELECT 1 FROM {function}() s WHERE s.{key} = {key}_here"
        f" AND s.start_minute < {end} AND {start} < s.end_minute)"
    )


def _of_host(table: str, start: str = "0", end: str = _FOREVER, *, leased: bool = False) -> str:
    functions = ["kashi_own_hosts", *(["kashi_leased_hosts"] if leased else [])]
    conditions = [_OFFICE, *(_spans(one, "host_id", start, end) for one in functions)]
    return " OR ".join(conditions).replace("host_id_here", f"{table}.host_id")


def _of_device(table: str, start: str, end: str) -> str:
    leased = _spans("kashi_leases", "hardware_id", start, end)
    return f"{_of_host(table, start, end)} OR {leased}".replace(
        "hardware_id_here", f"{table}.hardware_id"
    )


def _of_party(*columns: str) -> str:
    return f"{_OFFICE} OR {_PARTY} IN ({', '.join(columns)})"


def _span(table: str) -> tuple[str, str]:
    # Named with their table: the functions' rows have minutes too.
    return f"{table}.start_utc_ms / 60000", f"({table}.end_utc_ms + 59999) / 60000"


_PAYMENTS: Final = f"{_OFFICE} OR (payer_id, reference) IN (SELECT * FROM kashi_payments())"

POLICIES: Final[Mapping[str, str]] = {
    "hosts": _of_host("hosts"),
    "host_facts": _of_host("host_facts"),
    "host_key_tokens": _of_host("host_key_tokens"),
    "host_key_words": _of_host("host_key_words"),
    "host_states": _of_host("host_states"),
    "host_certificates": _of_host("host_certificates"),
    "alarms": _of_party("operator_party_id"),
    "heads": _of_host("heads", leased=True),
    "devices": _of_device("devices", "0", _FOREVER),
    "device_hours": (
        _of_device(
            "device_hours", "device_hours.hour * 60::bigint", "(device_hours.hour + 1) * 60::bigint"
        )
        + " OR kashi_contested(hardware_id, hour)"
    ),
    "gaps": _of_device("gaps", *_span("gaps")),
    "events": _of_device("events", "events.utc_ms / 60000", "events.utc_ms / 60000 + 1"),
    "silences": _of_device("silences", "silences.start_minute", "silences.end_minute"),
    "epochs": _of_host("epochs"),
    "forks": _of_host("forks"),
    "restorations": _of_host("restorations"),
    "parties": f"{_OFFICE} OR party_id IN (SELECT kashi_counterparts())",
    "tenures": _of_host("tenures"),
    "contracts": _of_party("provider_id", "user_id"),
    "assignments": f"{_OFFICE} OR contract_id IN (SELECT kashi_contracts())",
    "assignment_acts": f"{_OFFICE} OR contract_id IN (SELECT kashi_contracts())",
    "prices": f"{_OFFICE} OR contract_id IN (SELECT kashi_contracts())",
    "contract_amendments": f"{_OFFICE} OR contract_id IN (SELECT kashi_contracts())",
    "contract_parts": f"{_OFFICE} OR contract_id IN (SELECT kashi_contracts())",
    "related_declarations": f"{_OFFICE} OR contract_id IN (SELECT kashi_contracts())",
    "project_descriptions": f"{_OFFICE} OR contract_id IN (SELECT kashi_contracts())",
    "invoices": _of_party("seller_id", "buyer_id"),
    # Of several contents of one number its sides see the one that stands.
    "invoice_lines": f"{_OFFICE} OR (number, version) IN (SELECT * FROM kashi_invoice_versions())",
    "invoice_line_parts": (
        f"{_OFFICE} OR (number, version) IN (SELECT * FROM kashi_invoice_versions())"
    ),
    # Of contents that do not stand a party sees its own; what officers decide is theirs.
    "invoice_versions": _of_party("seller_id", "buyer_id"),
    "invoice_decisions": _OFFICE,
    "invoice_statuses": (
        f"{_OFFICE} OR (number, change) IN (SELECT * FROM kashi_invoice_statuses())"
    ),
    # What a company claims is no business of its provider, nor of who was or is the buyer by
    # another content of the number.
    "invoice_allocations": (
        f"{_OFFICE} OR number IN (SELECT number FROM invoices WHERE buyer_id = {_PARTY})"
        f" AND contract_id IN (SELECT contract_id FROM contracts WHERE user_id = {_PARTY})"
    ),
    "payments": _of_party("payer_id", "payee_id"),
    "payment_covers": _PAYMENTS,
    "payment_returns": _PAYMENTS,
    "evidence_files": _of_party("owner_id"),
    "attestations": _of_party("provider_id", "user_id"),
    "stated_records": f"{_OFFICE} OR attestation_id IN (SELECT kashi_attestations())",
    "attestation_changes": f"{_OFFICE} OR attestation_id IN (SELECT kashi_attestations())",
    "attestation_reversals": f"{_OFFICE} OR attestation_id IN (SELECT kashi_attestations())",
    "gap_explanations": f"{_OFFICE} OR explanation_id IN (SELECT kashi_gap_explanations())",
    "gap_decisions": f"{_OFFICE} OR explanation_id IN (SELECT kashi_gap_explanations())",
    "claims": _of_party("company_id", "payee_id"),
    "claim_contracts": f"{_OFFICE} OR claim_id IN (SELECT kashi_claims())",
    "claim_events": f"{_OFFICE} OR claim_id IN (SELECT kashi_claims())",
    "claim_evaluations": f"{_OFFICE} OR claim_id IN (SELECT kashi_claims())",
    "claim_lines": f"{_OFFICE} OR claim_id IN (SELECT kashi_claims())",
    "claim_invoices": f"{_OFFICE} OR claim_id IN (SELECT kashi_claims())",
    # What officers propose among themselves.
    "claim_proposals": _OFFICE,
    # Public money is told to the office whole, and to nobody else.
    "ledger_accounts": _OFFICE,
    "ledger_movements": _OFFICE,
    "ledger_postings": _OFFICE,
    "statements": _of_party("user_id"),
    "rated_lines": _of_party("user_id"),
    "corrected_statements": _of_party("user_id"),
    "correction_lines": _of_party("user_id"),
    "settlements": _of_party("user_id"),
    "certificates": _of_party("user_id"),
    "certificate_files": f"{_OFFICE} OR number IN (SELECT kashi_certificates())",
    "certificate_changes": f"{_OFFICE} OR number IN (SELECT kashi_certificates())",
    "certificate_statements": f"{_OFFICE} OR number IN (SELECT kashi_certificates())",
    "certificate_confirmations": (
        f"{_of_party('party_id')} OR number IN (SELECT kashi_certificates())"
    ),
}
"""By table: when a row is the party's. The office sees all of them."""

VIEW_SCHEMA: Final = "kashi_portal"
"""Stands before `public` for the portal's role."""

VIEWS: Final[Mapping[str, str]] = {
    # The newest reports may not stand in device_hours yet and are read from their bytes.
    "reports": _of_host("reports", *_span("reports"), leased=True),
}
"""Tables that the portal sees through a security-barrier view of the same name: PostgreSQL takes
no COPY into a table under row-level security, and reports come by COPY."""

OPEN_TO_PORTAL: Final = (
    "batches",
    "closes",
    "rules_versions",
    "checkpoints",
    "provider_listings",
)
"""Tables without a party's row in them."""

CLOSED_TO_PORTAL: Final = (
    # A run tells of every party it touches; what it means for one stands in its statement.
    "correction_runs",
    # What closing reads; pages cut hours to the minute.
    "device_days",
    "enrolment_tokens",
    "privileged_acts",
    # Whole files of providers, of several contracts maybe.
    "usage_sources",
    "log_entries",
    "log_head",
    "log_pending",
    "log_positions",
    "log_runs",
    "log_tiles",
)
"""What no page shows."""
