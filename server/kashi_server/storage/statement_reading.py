"""Reading statements by what is asked of them, so that a city's month is never read for one."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, select

from kashi_server.domain.interval import Month
from kashi_server.services.expense_port import StoredStatement
from kashi_server.storage.expense_rows import stored_statement
from kashi_server.storage.tables.expense import rated_lines, statements


def of_contract(connection: Connection, contract_id: str, month: Month) -> StoredStatement | None:
    """The latest revision of a contract's statement of a month; None: there is none."""
    query = (
        select(statements)
        .where(statements.c.contract_id == contract_id, statements.c.month == str(month))
        .order_by(statements.c.revision.desc(), statements.c.number)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else stored_statement(row)


def billing(connection: Connection, hardware_id: str, minute: int) -> Sequence[StoredStatement]:
    """Every revision, of a minute's month, that has a line of a device in that minute."""
    keys = (
        select(rated_lines.c.user_id, rated_lines.c.number, rated_lines.c.revision)
        .where(
            rated_lines.c.hardware_id == hardware_id,
            rated_lines.c.start_minute <= minute,
            rated_lines.c.end_minute > minute,
        )
        .distinct()
        .subquery()
    )
    query = (
        select(statements)
        .join(keys, and_(*(statements.c[one.name] == one for one in keys.c)))
        .where(statements.c.month == str(Month.of(minute)))
        .order_by(statements.c.number, statements.c.revision)
    )
    return [stored_statement(row) for row in connection.execute(query)]
