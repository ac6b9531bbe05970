"""Tables of contracts' parts, invoices, payments and evidence files."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from kashi_server.storage import guards, paper_guards
from kashi_server.storage.schema import Count, Key, Text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = (
    "evidence_files",
    "invoices",
    "payments",
    "invoice_allocations",
    "invoice_lines",
    "invoice_versions",
    "invoice_decisions",
    "invoice_statuses",
    "payment_covers",
    "payment_returns",
    "provider_listings",
    "contract_amendments",
    "contract_parts",
    "invoice_line_parts",
    "related_declarations",
    "project_descriptions",
)
_APPEND_ONLY = tuple(table for table in _TABLES if table != "provider_listings")
_LISTINGS = ("provider_listings", ("listing_id",), ("provider_id", "service_item"))
_PRICE_ROW = ("price_id",)


def upgrade() -> None:
    _evidence_files()
    _invoices()
    _payments()
    _invoice_allocations()
    _invoice_lines()
    _invoice_versions()
    _invoice_decisions()
    _invoice_statuses()
    _payment_covers()
    _payment_returns()
    _provider_listings()
    _contract_amendments()
    _contract_parts()
    _invoice_line_parts()
    _related_declarations()
    _project_descriptions()
    dialect = op.get_bind().dialect.name
    for table in _APPEND_ONLY:
        once = table == "invoices"
        _run(paper_guards.content_decided(dialect) if once else guards.append_only(dialect, table))
    _run(guards.no_overlap(dialect, *_LISTINGS))
    for guard in paper_guards.GUARDS:
        _run(paper_guards.statements(dialect, guard))
    _run(guards.drop(dialect, "prices", "no_overlap"))
    _widen_prices(dialect)
    _run(guards.no_overlap(dialect, "prices", _PRICE_ROW, ("contract_id", "model", "profile")))


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    _run(guards.drop(dialect, "prices", "no_overlap"))
    _narrow_prices(dialect)
    _run(guards.no_overlap(dialect, "prices", _PRICE_ROW, ("contract_id", "model")))
    for guard in paper_guards.GUARDS:
        _run(paper_guards.drop(dialect, guard))
    _run(guards.drop(dialect, "provider_listings", "no_overlap"))
    for table in _APPEND_ONLY:
        _run(guards.drop(dialect, table, "append_only"))
    for table in reversed(_TABLES):
        op.drop_table(table)


def _run(statements: list[str]) -> None:
    for statement in statements:
        op.execute(statement)


def _index(table: str, column: str) -> None:
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _of_contract(table: str) -> sa.Column[Any]:
    key = sa.ForeignKey("contracts.contract_id", name=op.f(f"fk_{table}_contract_id_contracts"))
    return sa.Column("contract_id", Text, key, primary_key=True)


_OLD_BASIS = "basis IN ('leased_observed', 'held', 'utilised')"
_NEW_BASIS = "basis IN ('leased_observed', 'held', 'utilised', 'flat_rent')"
_UNIT = "unit IN ('card_hour', 'partition_hour', 'device_month', 'contract_month')"
_DEVICES = "devices IS NULL OR devices > 0"


def _widen_prices(dialect: str) -> None:
    columns = (
        sa.Column("unit", Text, nullable=False, server_default="card_hour"),
        sa.Column("profile", Text, nullable=False, server_default=""),
        sa.Column("devices", sa.Integer),
    )
    checks = {"basis": _NEW_BASIS, "unit": _UNIT, "devices": _DEVICES}
    if dialect == "sqlite":
        _rebuild_prices(columns, checks)
        return
    for column in columns:
        op.add_column("prices", column)
    op.drop_constraint(op.f("ck_prices_basis"), "prices", type_="check")
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_prices_{name}"), "prices", condition)


def _narrow_prices(dialect: str) -> None:
    # Rents and prices of partitions cannot be told in the older table.
    op.execute("DELETE FROM prices WHERE unit <> 'card_hour'")
    if dialect == "sqlite":
        _rebuild_prices((), {"basis": _OLD_BASIS})
        return
    for name in ("basis", "unit", "devices"):
        op.drop_constraint(op.f(f"ck_prices_{name}"), "prices", type_="check")
    op.create_check_constraint(op.f("ck_prices_basis"), "prices", _OLD_BASIS)
    for column in ("unit", "profile", "devices"):
        op.drop_column("prices", column)


def _rebuild_prices(columns: Sequence[sa.Column[Any]], checks: Mapping[str, str]) -> None:
    # SQLite changes no CHECK of a table that stands: a new one takes its rows and its name.
    contract = sa.ForeignKey("contracts.contract_id", name=op.f("fk_prices_contract_id_contracts"))
    op.drop_index("ix_prices_contract_id_model", "prices")
    op.create_table(
        "prices_rebuilt",
        sa.Column("price_id", Text, primary_key=True),
        sa.Column("contract_id", Text, contract, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("yuan", Text, nullable=False),
        sa.Column("basis", Text, nullable=False),
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count),
        *columns,
        sa.CheckConstraint(
            "end_minute IS NULL OR end_minute > start_minute", name=op.f("ck_prices_interval")
        ),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_prices_{name}"))
            for name, condition in checks.items()
        ),
    )
    kept = "price_id, contract_id, model, yuan, basis, start_minute, end_minute"
    op.execute(f"INSERT INTO prices_rebuilt ({kept}) SELECT {kept} FROM prices")
    op.drop_table("prices")
    op.rename_table("prices_rebuilt", "prices")
    op.create_index("ix_prices_contract_id_model", "prices", ["contract_id", "model"])


def _evidence_files() -> None:
    op.create_table(
        "evidence_files",
        sa.Column("file_id", Key, primary_key=True, autoincrement=True),
        sa.Column("sha256", Text, nullable=False),
        sa.Column("size_bytes", Count, nullable=False),
        sa.Column("media_type", Text, nullable=False),
        sa.Column("owner_id", Text, nullable=False),
        sa.Column("subject_kind", Text, nullable=False),
        sa.Column("subject", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("added_by", Text, nullable=False),
        sa.Column("added_utc_ms", Count, nullable=False),
        sa.UniqueConstraint(
            "owner_id", "subject_kind", "subject", "sha256", name=op.f("uq_evidence_files_owner_id")
        ),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_evidence_files_size")),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_evidence_files_sha256")),
        sa.CheckConstraint(
            "subject_kind IN ('contract', 'invoice', 'payment', 'claim', 'host')",
            name=op.f("ck_evidence_files_subject_kind"),
        ),
    )
    _index("evidence_files", "owner_id")
    _index("evidence_files", "sha256")


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("number", Text, primary_key=True),
        sa.Column("issued_on", Text, nullable=False),
        sa.Column("seller_id", Text, nullable=False),
        sa.Column("buyer_id", Text, nullable=False),
        sa.Column("seller_name", Text, nullable=False),
        sa.Column("buyer_name", Text, nullable=False),
        sa.Column("ex_tax_fen", Count, nullable=False),
        sa.Column("tax_fen", Count, nullable=False),
        sa.Column("incl_fen", Count, nullable=False),
        sa.Column("blue_number", Text, nullable=False),
        sa.Column("added_utc_ms", Count, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.CheckConstraint("blue_number = '' OR incl_fen < 0", name=op.f("ck_invoices_blue")),
        sa.CheckConstraint("length(number) = 20", name=op.f("ck_invoices_number")),
        sa.CheckConstraint(
            "incl_fen = ex_tax_fen + tax_fen AND incl_fen <> 0", name=op.f("ck_invoices_amount")
        ),
    )
    op.create_index("ix_invoices_blue_number", "invoices", ["blue_number", "seller_id", "buyer_id"])
    _index("invoices", "buyer_id")
    _index("invoices", "seller_id")


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("payer_id", Text, primary_key=True),
        sa.Column("reference", Text, primary_key=True),
        sa.Column("payee_id", Text, nullable=False),
        sa.Column("paid_on", Text, nullable=False),
        sa.Column("amount_fen", Count, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("added_by", Text, nullable=False),
        sa.Column("added_utc_ms", Count, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payments_amount")),
    )
    _index("payments", "payee_id")


def _invoice_allocations() -> None:
    op.create_table(
        "invoice_allocations",
        sa.Column("allocation_id", Key, primary_key=True, autoincrement=True),
        sa.Column(
            "number",
            Text,
            sa.ForeignKey("invoices.number", name=op.f("fk_invoice_allocations_number_invoices")),
            nullable=False,
        ),
        sa.Column("contract_id", Text, nullable=False),
        sa.Column("part", Text, nullable=False),
        sa.Column("claim_id", Text, nullable=False),
        sa.Column("amount_fen", Count, nullable=False),
        sa.Column("allocated_by", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("allocated_utc_ms", Count, nullable=False),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_invoice_allocations_amount")),
    )
    _index("invoice_allocations", "claim_id")
    _index("invoice_allocations", "number")


def _invoice_lines() -> None:
    op.create_table(
        "invoice_lines",
        sa.Column(
            "number",
            Text,
            sa.ForeignKey("invoices.number", name=op.f("fk_invoice_lines_number_invoices")),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, server_default="1"),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("ex_tax_fen", Count, nullable=False),
        sa.Column("tax_fen", Count, nullable=False),
    )


def _invoice_versions() -> None:
    op.create_table(
        "invoice_versions",
        sa.Column(
            "number",
            Text,
            sa.ForeignKey("invoices.number", name=op.f("fk_invoice_versions_number_invoices")),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", Text, nullable=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("seller_id", Text, nullable=False),
        sa.Column("buyer_id", Text, nullable=False),
        sa.Column("source", Text, nullable=False),
        sa.Column("told_by", Text, nullable=False),
        sa.Column("told_utc_ms", Count, nullable=False),
        sa.CheckConstraint(
            "status IN ('normal', 'partly_red', 'red', 'void')",
            name=op.f("ck_invoice_versions_status"),
        ),
    )


def _invoice_decisions() -> None:
    op.create_table(
        "invoice_decisions",
        sa.Column("number", Text, primary_key=True),
        sa.Column("decision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("decided_by", Text, nullable=False),
        sa.Column("decided_utc_ms", Count, nullable=False),
        sa.ForeignKeyConstraint(
            ["number", "version"],
            ["invoice_versions.number", "invoice_versions.version"],
            name=op.f("fk_invoice_decisions_number_invoice_versions"),
        ),
    )


def _invoice_statuses() -> None:
    op.create_table(
        "invoice_statuses",
        sa.Column(
            "number",
            Text,
            sa.ForeignKey("invoices.number", name=op.f("fk_invoice_statuses_number_invoices")),
            primary_key=True,
        ),
        sa.Column("change", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("status", Text, nullable=False),
        sa.Column("source", Text, nullable=False),
        sa.Column("decided", sa.Boolean, nullable=False),
        sa.Column("by_reds", sa.Boolean, nullable=False),
        sa.Column("told_by", Text, nullable=False),
        sa.Column("told_utc_ms", Count, nullable=False),
        sa.CheckConstraint(
            "status IN ('normal', 'partly_red', 'red', 'void')",
            name=op.f("ck_invoice_statuses_status"),
        ),
    )


def _payment_covers() -> None:
    op.create_table(
        "payment_covers",
        sa.Column("payer_id", Text, primary_key=True),
        sa.Column("reference", Text, primary_key=True),
        sa.Column(
            "number",
            Text,
            sa.ForeignKey("invoices.number", name=op.f("fk_payment_covers_number_invoices")),
            primary_key=True,
        ),
        sa.Column("amount_fen", Count, nullable=False),
        sa.ForeignKeyConstraint(
            ["payer_id", "reference"],
            ["payments.payer_id", "payments.reference"],
            name=op.f("fk_payment_covers_payer_id_payments"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payment_covers_amount")),
    )
    _index("payment_covers", "number")


def _payment_returns() -> None:
    op.create_table(
        "payment_returns",
        sa.Column("return_id", Key, primary_key=True, autoincrement=True),
        sa.Column("payer_id", Text, nullable=False),
        sa.Column("reference", Text, nullable=False),
        sa.Column("number", Text, nullable=False),
        sa.Column("amount_fen", Count, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("decided_by", Text, nullable=False),
        sa.Column("told_utc_ms", Count, nullable=False),
        sa.ForeignKeyConstraint(
            ["payer_id", "reference", "number"],
            ["payment_covers.payer_id", "payment_covers.reference", "payment_covers.number"],
            name=op.f("fk_payment_returns_payer_id_payment_covers"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payment_returns_amount")),
    )
    _index("payment_returns", "number")


def _provider_listings() -> None:
    op.create_table(
        "provider_listings",
        sa.Column("listing_id", Text, primary_key=True),
        sa.Column(
            "provider_id",
            Text,
            sa.ForeignKey(
                "parties.party_id", name=op.f("fk_provider_listings_provider_id_parties")
            ),
            nullable=False,
        ),
        sa.Column("batch", Text, nullable=False),
        sa.Column("service_item", Text, nullable=False),
        sa.Column("start_minute", Count, nullable=False),
        sa.Column("end_minute", Count),
        sa.Column("document", Text, nullable=False),
        sa.CheckConstraint(
            "end_minute IS NULL OR end_minute > start_minute",
            name=op.f("ck_provider_listings_interval"),
        ),
    )
    _index("provider_listings", "provider_id")


def _contract_amendments() -> None:
    op.create_table(
        "contract_amendments",
        _of_contract("contract_amendments"),
        sa.Column("number", Text, primary_key=True),
        sa.Column("signed_on", Text, nullable=False),
        sa.Column("effective_minute", Count, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("changes_end", sa.Boolean, nullable=False),
        sa.Column("end_minute", Count),
        sa.Column("end_before_minute", Count),
    )


def _contract_parts() -> None:
    op.create_table(
        "contract_parts",
        _of_contract("contract_parts"),
        sa.Column("amendment", Text, primary_key=True),
        sa.Column("part", Text, primary_key=True),
        sa.Column("item", Text, nullable=False),
        sa.Column("ex_tax_fen", Count, nullable=False),
        sa.Column("tax_fen", Count, nullable=False),
        sa.Column("domestic", sa.Boolean),
        sa.Column("owned", sa.Boolean, nullable=False),
        sa.CheckConstraint(
            "ex_tax_fen >= 0 AND tax_fen >= 0", name=op.f("ck_contract_parts_amount")
        ),
    )


def _invoice_line_parts() -> None:
    op.create_table(
        "invoice_line_parts",
        sa.Column("mapping_id", Key, primary_key=True, autoincrement=True),
        sa.Column("number", Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column(
            "contract_id",
            Text,
            sa.ForeignKey(
                "contracts.contract_id", name=op.f("fk_invoice_line_parts_contract_id_contracts")
            ),
            nullable=False,
        ),
        sa.Column("part", Text, nullable=False),
        sa.Column("mapped_by", Text, nullable=False),
        sa.Column("mapped_utc_ms", Count, nullable=False),
        sa.ForeignKeyConstraint(
            ["number", "version", "line"],
            ["invoice_lines.number", "invoice_lines.version", "invoice_lines.line"],
            name=op.f("fk_invoice_line_parts_number_invoice_lines"),
        ),
    )
    _index("invoice_line_parts", "contract_id")
    op.create_index(
        op.f("ix_invoice_line_parts_line"),
        "invoice_line_parts",
        ["number", "version", "line", "mapping_id"],
    )


def _related_declarations() -> None:
    op.create_table(
        "related_declarations",
        _of_contract("related_declarations"),
        sa.Column("declared_on", Text, primary_key=True),
        sa.Column("unrelated", sa.Boolean, nullable=False),
        sa.Column("document", Text, nullable=False),
    )


def _project_descriptions() -> None:
    op.create_table(
        "project_descriptions",
        _of_contract("project_descriptions"),
        sa.Column("stated_on", Text, primary_key=True),
        sa.Column("project", Text, nullable=False),
        sa.Column("purpose", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("site", Text),
        sa.Column("contact", Text),
    )
