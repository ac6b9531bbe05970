"""Guards of papers inside the database: what no program may do, whoever writes.

What claims take of an invoice never leaves its amount, part by part and in all; nothing is taken
of one that is red-flushed or void; nobody gives back more than was taken. What payments cover never
leaves the payment nor the invoice, and no more goes back than was covered. On PostgreSQL a guard
first takes an advisory lock on the invoice (and payment): writers that meet on one wait for each
other, and none misses a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kashi_server.storage import guards

_ALLOCATED = "SELECT coalesce(sum(a.amount_fen), 0) FROM invoice_allocations a WHERE"
_OF_PART = "a.number = NEW.number AND a.contract_id = NEW.contract_id AND a.part = NEW.part"
_MAPPED = (
    "SELECT coalesce(sum(l.ex_tax_fen + l.tax_fen), 0) FROM invoice_lines l"
    " JOIN invoice_line_parts m ON m.number = l.number AND m.version = l.version"
    " AND m.line = l.line"
    " WHERE l.number = NEW.number AND m.contract_id = NEW.contract_id AND m.part = NEW.part"
    " AND l.version = (SELECT i.version FROM invoices i WHERE i.number = NEW.number)"
    " AND m.mapping_id = (SELECT max(o.mapping_id) FROM invoice_line_parts o"
    " WHERE o.number = m.number AND o.version = m.version AND o.line = m.line)"
)
_LEFT = (
    "SELECT i.incl_fen + coalesce((SELECT sum(r.incl_fen) FROM invoices r"
    " WHERE r.blue_number = i.number AND r.seller_id = i.seller_id AND r.buyer_id = i.buyer_id), 0)"
    " FROM invoices i WHERE i.number = NEW.number"
)
_STATUS = (
    "SELECT s.status FROM invoice_statuses s WHERE s.number = NEW.number"
    " ORDER BY s.change DESC LIMIT 1"
)
_COVERED = "SELECT coalesce(sum(c.amount_fen), 0) FROM payment_covers c WHERE"
_RETURNED = "SELECT coalesce(sum(b.amount_fen), 0) FROM payment_returns b WHERE"
_SAME_COVER = (
    "{0}.payer_id = NEW.payer_id AND {0}.reference = NEW.reference AND {0}.number = NEW.number"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperGuard:
    """Conditions under which a table refuses a new row, each with what it says then.

    `locks` name, as SQL over NEW, what writers wait for each other on.
    """

    table: str
    name: str
    locks: tuple[str, ...]
    refusals: tuple[tuple[str, str], ...]


GUARDS: Sequence[PaperGuard] = (
    PaperGuard(
        table="invoice_allocations",
        name="bounds",
        locks=("'invoice/' || NEW.number",),
        refusals=(
            (
                f"({_ALLOCATED} {_OF_PART} AND a.claim_id = NEW.claim_id) + NEW.amount_fen < 0",
                "a claim gives back more of an invoice than it took",
            ),
            (
                (
                    f"NEW.amount_fen > 0 AND coalesce(({_STATUS}), 'void')"
                    " NOT IN ('normal', 'partly_red')"
                ),
                "nothing can be claimed of a red-flushed or void invoice",
            ),
            (
                f"NEW.amount_fen > 0 AND ({_ALLOCATED} {_OF_PART}) + NEW.amount_fen > ({_MAPPED})",
                "claims take more of a part than the lines of it come to",
            ),
            (
                (
                    f"NEW.amount_fen > 0 AND ({_ALLOCATED} a.number = NEW.number) + NEW.amount_fen"
                    f" > ({_LEFT})"
                ),
                "claims take more of an invoice than it is for",
            ),
        ),
    ),
    PaperGuard(
        table="invoice_line_parts",
        name="unclaimed",
        locks=("'invoice/' || NEW.number",),
        refusals=(
            (
                (
                    f"({_ALLOCATED} a.number = NEW.number) > 0 AND EXISTS (SELECT 1 FROM"
                    " invoice_line_parts o WHERE o.number = NEW.number AND o.version = NEW.version"
                    " AND o.line = NEW.line)"
                ),
                "claims hold a part of this invoice; its lines keep their parts",
            ),
        ),
    ),
    PaperGuard(
        table="payment_covers",
        name="bounds",
        locks=("'payment/' || NEW.payer_id || '/' || NEW.reference", "'invoice/' || NEW.number"),
        refusals=(
            (
                (
                    f"({_COVERED} c.payer_id = NEW.payer_id AND c.reference = NEW.reference)"
                    " + NEW.amount_fen > (SELECT p.amount_fen FROM payments p"
                    " WHERE p.payer_id = NEW.payer_id AND p.reference = NEW.reference)"
                ),
                "a payment covers more than was paid",
            ),
            (
                (
                    f"({_COVERED} c.number = NEW.number) - ({_RETURNED} b.number = NEW.number)"
                    " + NEW.amount_fen"
                    " > (SELECT i.incl_fen FROM invoices i WHERE i.number = NEW.number)"
                ),
                "payments cover more of an invoice than it is for",
            ),
        ),
    ),
    PaperGuard(
        table="payment_returns",
        name="bounds",
        locks=("'payment/' || NEW.payer_id || '/' || NEW.reference", "'invoice/' || NEW.number"),
        refusals=(
            (
                (
                    f"({_RETURNED} {_SAME_COVER.format('b')}) + NEW.amount_fen"
                    f" > ({_COVERED} {_SAME_COVER.format('c')})"
                ),
                "more goes back of a payment than it covers",
            ),
        ),
    ),
)

GUARD_WORDS: Final = {
    "a claim gives back more of an invoice than it took": "申报退回的发票金额多于其占用的金额",
    "nothing can be claimed of a red-flushed or void invoice": "已红冲或已作废的发票不得申报",
    "claims take more of a part than the lines of it come to": "申报占用超出该合同部分的发票行合计",
    "claims take more of an invoice than it is for": "申报占用超出发票金额",
    "claims hold a part of this invoice; its lines keep their parts": (
        "发票已被申报占用，各行对应不变"
    ),
    "a payment covers more than was paid": "付款对应的发票合计超出付款金额",
    "payments cover more of an invoice than it is for": "各笔付款对应的金额超出发票金额",
    "more goes back of a payment than it covers": "退回的金额超出付款所对应的金额",
}
"""What a guard says, in Chinese: the database itself holds the English words alone."""


def lock_key(*parts: str) -> str:
    """What a guard locks, as text: `invoice/NUMBER`, `payment/PAYER/REFERENCE`."""
    return "/".join(parts)


_ISSUED: Final = (
    "number",
    "issued_on",
    "seller_id",
    "buyer_id",
    "seller_name",
    "buyer_name",
    "ex_tax_fen",
    "tax_fen",
    "incl_fen",
    "added_utc_ms",
    "version",
)
"""Columns of an invoice that never change while one content of it stands."""
_DECIDED: Final = (
    "OLD.number = NEW.number AND OLD.added_utc_ms = NEW.added_utc_ms"
    " AND OLD.version <> NEW.version AND NEW.version = coalesce((SELECT d.version"
    " FROM invoice_decisions d WHERE d.number = NEW.number ORDER BY d.decision DESC LIMIT 1), 0)"
)
"""Another content stands, and two officers' latest decision says which."""


def content_decided(dialect: str) -> list[str]:
    """Statements that make `invoices` refuse UPDATE and DELETE, but for two things.

    Of a red invoice that did not say which one it takes back, that is told once; and of several
    contents of one number that one stands which two officers decided upon.
    """
    message = "invoices are only ever added"
    if dialect == "sqlite":
        same = " AND ".join(f"OLD.{name} IS NEW.{name}" for name in _ISSUED)
        told = f"(OLD.blue_number = '' AND NEW.blue_number <> '' AND {same}) OR ({_DECIDED})"
        return [
            (
                f"CREATE TRIGGER invoices_no_update BEFORE UPDATE ON invoices WHEN NOT ({told})"
                f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
            ),
            (
                "CREATE TRIGGER invoices_no_delete BEFORE DELETE ON invoices"
                f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
            ),
        ]
    whole, *triggers = guards.append_only(dialect, "invoices")
    same = " AND ".join(f"OLD.{name} IS NOT DISTINCT FROM NEW.{name}" for name in _ISSUED)
    told = (
        " BEGIN IF TG_OP = 'UPDATE' THEN IF (OLD.blue_number = '' AND NEW.blue_number <> ''"
        f" AND {same}) OR ({_DECIDED}) THEN RETURN NEW; END IF; END IF; RAISE"
    )
    return [whole.replace(" BEGIN RAISE", told, 1), *triggers]


def statements(dialect: str, guard: PaperGuard) -> list[str]:
    """Statements that put a guard on."""
    if dialect == "sqlite":
        # Of several triggers of one event each must hold; one writer at a time needs no lock.
        return [
            f"CREATE TRIGGER {guard.table}_{guard.name}_{place} BEFORE INSERT ON {guard.table}"
            f" WHEN {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"
            for place, (condition, message) in enumerate(guard.refusals)
        ]
    locks = "".join(
        f" PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));" for lock in guard.locks
    )
    checks = "".join(
        f" IF {condition} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation';"
        " END IF;"
        for condition, message in guard.refusals
    )
    function = f"{guard.table}_{guard.name}"
    return [
        (
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN{locks}{checks} RETURN NEW; END $$"
        ),
        (
            f"CREATE TRIGGER {function} BEFORE INSERT ON {guard.table}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        ),
    ]


def drop(dialect: str, guard: PaperGuard) -> list[str]:
    """Statements that take a guard off."""
    if dialect == "sqlite":
        places = range(len(guard.refusals))
        return [f"DROP TRIGGER {guard.table}_{guard.name}_{place}" for place in places]
    return [f"DROP FUNCTION {guard.table}_{guard.name}() CASCADE"]
