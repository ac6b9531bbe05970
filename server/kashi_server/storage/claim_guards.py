"""Guards of claims inside the database: within one programme nothing is redeemed twice.

A device's minute is held by one claim of a programme, by whichever of its ids
(`guards.no_overlap`); of an invoice's part
the claims of a programme hold together no more than its lines come to. On PostgreSQL writers wait
for each other on the part, so that none misses another's row.
"""

from typing import Final

_MESSAGE: Final = "claims of one programme take more of an invoice than it is for"
_ABOVE: Final = (
    "(SELECT coalesce(sum(o.amount_fen), 0) FROM claim_invoices o"
    " WHERE o.programme_id = NEW.programme_id AND o.number = NEW.number"
    " AND o.contract_id = NEW.contract_id AND o.part = NEW.part)"
    " + NEW.amount_fen > NEW.part_fen"
)
_LOCKED: Final = (
    "'claim_invoices/' || NEW.programme_id || '/' || NEW.number || '/' || NEW.contract_id"
    " || '/' || NEW.part"
)


def invoice_bounds(dialect: str) -> list[str]:
    """Statements that put the guard of invoice parts on."""
    if dialect == "sqlite":
        return [
            (
                "CREATE TRIGGER claim_invoices_bounds BEFORE INSERT ON claim_invoices"
                f" WHEN {_ABOVE} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
            )
        ]
    return [
        (
            "CREATE FUNCTION claim_invoices_bounds() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" PERFORM pg_advisory_xact_lock(hashtextextended({_LOCKED}, 0));"
            f" IF {_ABOVE} THEN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'check_violation';"
            " END IF; RETURN NEW; END $$"
        ),
        (
            "CREATE TRIGGER claim_invoices_bounds BEFORE INSERT ON claim_invoices"
            " FOR EACH ROW EXECUTE FUNCTION claim_invoices_bounds()"
        ),
    ]


def drop_invoice_bounds(dialect: str) -> list[str]:
    """Statements that take it off."""
    if dialect == "sqlite":
        return ["DROP TRIGGER claim_invoices_bounds"]
    return ["DROP FUNCTION claim_invoices_bounds() CASCADE"]
