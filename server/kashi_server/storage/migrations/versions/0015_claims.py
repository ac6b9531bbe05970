"""Tables of batches, claims and vouchers."""

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import claim_guards, guards
from kashi_server.storage.schema import Bytes, Count, Text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("claim_events", "claim_evaluations")
# Lines of one statement do not clash: rating bills a minute of one piece of hardware once, and
# what a site states ends and begins within one.
_LINES = ("claim_lines", ("claim_id", "number", "revision"))
_TABLES = (
    "batches",
    "claims",
    "claim_contracts",
    "claim_events",
    "claim_evaluations",
    "claim_proposals",
    "claim_lines",
    "claim_invoices",
)


def upgrade() -> None:
    _batches()
    _claims()
    _contracts()
    _events()
    _evaluations()
    _proposals()
    _lines()
    _invoices()
    dialect = op.get_bind().dialect.name
    for table in _APPEND_ONLY:
        for statement in guards.append_only(dialect, table):
            op.execute(statement)
    for statement in guards.no_overlap(dialect, *_LINES, ("programme_id", "hardware_key")):
        op.execute(statement)
    for statement in claim_guards.invoice_bounds(dialect):
        op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in claim_guards.drop_invoice_bounds(dialect):
        op.execute(statement)
    for statement in guards.drop(dialect, "claim_lines", "no_overlap"):
        op.execute(statement)
    for table in _APPEND_ONLY:
        for statement in guards.drop(dialect, table, "append_only"):
            op.execute(statement)
    for table in reversed(_TABLES):
        op.drop_table(table)


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("batch_id", Text, primary_key=True),
        sa.Column("programme_id", Text, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("version", Text, nullable=False),
        sa.Column("rules_sha256", Text, nullable=False),
        sa.Column("opens_on", Text, nullable=False),
        sa.Column("closes_on", Text, nullable=False),
        sa.Column("documents", Text, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("opened_utc_ms", Count, nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id", "version"],
            ["rules_versions.programme_id", "rules_versions.version"],
            name=op.f("fk_batches_programme_id_version_rules_versions"),
        ),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_batches_status")),
        sa.CheckConstraint("closes_on >= opens_on", name=op.f("ck_batches_window")),
    )


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("claim_id", Text, primary_key=True),
        _reference("claims", "batch_id", "batches.batch_id"),
        _reference("claims", "company_id", "parties.party_id"),
        _reference("claims", "payee_id", "parties.party_id"),
        sa.Column("state", Text, nullable=False),
        sa.Column("resumes", Text, nullable=False),
        sa.Column("applied_on", Text),
        sa.Column("corrections", sa.Integer, nullable=False),
        sa.Column("computed_fen", Count),
        sa.Column("publicised_on", Text),
        sa.Column("approved_fen", Count, nullable=False),
        sa.Column("accrued_fen", Count, nullable=False),
        sa.Column("certified_fen", Count, nullable=False),
        sa.Column("disbursed_fen", Count, nullable=False),
        sa.Column("released_fen", Count, nullable=False),
        sa.Column("recovered_fen", Count, nullable=False),
        sa.Column("voucher_number", Text),
        sa.Column("face_fen", Count, nullable=False),
        sa.Column("used_fen", Count, nullable=False),
        sa.Column("valid_from", Text),
        sa.Column("valid_until", Text),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("content", Bytes, nullable=False),
        sa.Column("officially", Bytes, nullable=False),
        sa.Column("drafted_utc_ms", Count, nullable=False),
        sa.UniqueConstraint("voucher_number", name=op.f("uq_claims_voucher_number")),
        *_amount_checks(),
    )
    for column in ("batch_id", "company_id", "payee_id"):
        op.create_index(op.f(f"ix_claims_{column}"), "claims", [column])
    op.create_index("ix_claims_company_id_batch_id", "claims", ["company_id", "batch_id"])


def _amount_checks() -> tuple[sa.CheckConstraint, ...]:
    checks = {
        "resumes": "(state = 'suspended') = (resumes <> '')",
        "amounts": (
            "accrued_fen >= 0 AND certified_fen >= 0 AND disbursed_fen >= 0 AND released_fen >= 0"
            " AND recovered_fen >= 0 AND recovered_fen <= disbursed_fen"
        ),
        "approved": "accrued_fen + certified_fen + disbursed_fen + released_fen <= approved_fen",
        "computed": "approved_fen <= coalesce(computed_fen, 0)",
        "face": "used_fen >= 0 AND used_fen <= face_fen",
        "voucher": "(voucher_number IS NULL) = (face_fen = 0)",
    }
    return tuple(
        sa.CheckConstraint(text, name=op.f(f"ck_claims_{name}")) for name, text in checks.items()
    )


def _contracts() -> None:
    op.create_table(
        "claim_contracts",
        _reference("claim_contracts", "claim_id", "claims.claim_id", key=True),
        _reference("claim_contracts", "contract_id", "contracts.contract_id", key=True),
    )
    op.create_index(op.f("ix_claim_contracts_contract_id"), "claim_contracts", ["contract_id"])


def _events() -> None:
    op.create_table(
        "claim_events",
        _reference("claim_events", "claim_id", "claims.claim_id", key=True),
        sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("step", Text, nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.Column("content", Bytes, nullable=False),
        sa.UniqueConstraint("key", name=op.f("uq_claim_events_key")),
    )


def _evaluations() -> None:
    op.create_table(
        "claim_evaluations",
        _reference("claim_evaluations", "claim_id", "claims.claim_id", key=True),
        sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("utc_ms", Count, nullable=False),
        sa.Column("rules_sha256", Text, nullable=False),
        sa.Column("inputs", Bytes, nullable=False),
        sa.Column("inputs_sha256", Text, nullable=False),
        sa.Column("trace", Bytes, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("requested_fen", Count),
        sa.Column("amount_fen", Count),
        sa.CheckConstraint(
            "status IN ('final', 'estimate', 'no_amount')", name=op.f("ck_claim_evaluations_status")
        ),
        sa.CheckConstraint(
            "(status = 'no_amount') = (amount_fen IS NULL)",
            name=op.f("ck_claim_evaluations_amount"),
        ),
    )
    op.create_index(
        "ix_claim_evaluations_requested",
        "claim_evaluations",
        ["claim_id", "serial", "requested_fen"],
    )


def _proposals() -> None:
    op.create_table(
        "claim_proposals",
        _reference("claim_proposals", "claim_id", "claims.claim_id", key=True),
        sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("step", Text, primary_key=True),
        sa.Column("officer", Text, primary_key=True),
        sa.Column("terms", Bytes, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("utc_ms", Count, nullable=False),
    )


def _lines() -> None:
    op.create_table(
        "claim_lines",
        _reference("claim_lines", "claim_id", "claims.claim_id", key=True),
        sa.Column("number", Text, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("programme_id", Text, nullable=False),
        sa.Column("hardware_id", Text, nullable=False),
        sa.Column("hardware_key", Text, nullable=False),
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count, nullable=False),
        sa.Column("use_serial", sa.Integer, nullable=False),
        sa.CheckConstraint("end_minute > start_minute", name=op.f("ck_claim_lines_interval")),
    )
    op.create_index("ix_claim_lines_number", "claim_lines", ["number"])
    op.create_index("ix_claim_lines_minutes", "claim_lines", ["hardware_key", "start_minute"])


def _invoices() -> None:
    op.create_table(
        "claim_invoices",
        _reference("claim_invoices", "claim_id", "claims.claim_id", key=True),
        _reference("claim_invoices", "number", "invoices.number", key=True),
        sa.Column("contract_id", Text, primary_key=True),
        sa.Column("part", Text, primary_key=True),
        sa.Column("use_serial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("programme_id", Text, nullable=False),
        sa.Column("amount_fen", Count, nullable=False),
        sa.Column("part_fen", Count, nullable=False),
        sa.CheckConstraint(
            "amount_fen > 0 AND amount_fen <= part_fen", name=op.f("ck_claim_invoices_amount")
        ),
    )
    op.create_index(op.f("ix_claim_invoices_number"), "claim_invoices", ["number"])


def _reference(table: str, column: str, target: str, *, key: bool = False) -> sa.Column[str]:
    referred = target.split(".")[0]
    name = op.f(f"fk_{table}_{column}_{referred}")
    return sa.Column(
        column, Text, sa.ForeignKey(target, name=name), primary_key=key, nullable=False
    )
