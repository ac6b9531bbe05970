"""Guards inside the database: triggers that refuse overlaps and changes of what is final.

The same rule holds on SQLite and on PostgreSQL, whoever writes and by whatever program. On
PostgreSQL an overlap guard first takes an advisory lock on the key: two transactions that add
prices of one key at the same time wait for each other, so neither misses the other's row.
"""

from collections.abc import Sequence


def append_only(dialect: str, table: str) -> list[str]:
    """Statements that make a table refuse UPDATE and DELETE."""
    message = f"{table} are only ever added"
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        (
            f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{message}'"
            " USING ERRCODE = 'integrity_constraint_violation'; END $$"
        ),
        (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
        ),
        (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
        ),
    ]


def no_overlap(dialect: str, table: str, row_key: Sequence[str], key: Sequence[str]) -> list[str]:
    """Statements that make a table refuse rows of one `key` whose minutes overlap.

    Args:
        dialect: the database's.
        table: has `start_minute` and `end_minute`.
        row_key: columns of its primary key, or those of a group whose rows do not clash.
        key: columns that name what may not overlap.
    """
    message = f"{table} of one {' and '.join(key)} overlap"
    return _refusing(dialect, table, "no_overlap", _clash(table, row_key, key), key, message)


def in_succession(
    dialect: str, table: str, row_key: Sequence[str], key: Sequence[str]
) -> list[str]:
    """Statements that make a table refuse a row that begins no later than another of one `key`
    which it overlaps: a row that has begun ends where a later one begins, and never otherwise.

    Args: as of `no_overlap`.
    """
    clash = f"{_clash(table, row_key, key)} AND o.start_minute >= NEW.start_minute"
    message = f"{table} of one {' and '.join(key)} begin one after another"
    return _refusing(dialect, table, "in_succession", clash, key, message)


def _clash(table: str, row_key: Sequence[str], key: Sequence[str]) -> str:
    other = " AND ".join(f"o.{column} = NEW.{column}" for column in key)
    itself = " AND ".join(f"o.{column} = NEW.{column}" for column in row_key)
    return (
        f"SELECT 1 FROM {table} o WHERE {other} AND NOT ({itself})"
        " AND (o.end_minute IS NULL OR NEW.start_minute < o.end_minute)"
        " AND (NEW.end_minute IS NULL OR o.start_minute < NEW.end_minute)"
    )


def _refusing(
    dialect: str, table: str, guard: str, clash: str, key: Sequence[str], message: str
) -> list[str]:
    """Triggers that refuse a row for which the query `clash` finds another."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_{guard}_{verb.lower()} BEFORE {verb} ON {table}"
            f" WHEN EXISTS ({clash}) BEGIN SELECT RAISE(ABORT, '{message}'); END"
            for verb in ("INSERT", "UPDATE")
        ]
    locked = " || '/' || ".join(f"NEW.{column}" for column in key)
    return [
        (
            f"CREATE FUNCTION {table}_{guard}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" PERFORM pg_advisory_xact_lock(hashtextextended('{table}/' || {locked}, 0));"
            f" IF EXISTS ({clash}) THEN RAISE EXCEPTION '{message}'"
            " USING ERRCODE = 'exclusion_violation'; END IF; RETURN NEW; END $$"
        ),
        (
            f"CREATE TRIGGER {table}_{guard} BEFORE INSERT OR UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {table}_{guard}()"
        ),
    ]


def drop(dialect: str, table: str, guard: str) -> list[str]:
    """Statements that take a guard (`append_only`, `no_overlap`, `in_succession`) off."""
    if dialect == "sqlite":
        verbs = ("update", "delete") if guard == "append_only" else ("insert", "update")
        names = [f"no_{verb}" if guard == "append_only" else f"{guard}_{verb}" for verb in verbs]
        return [f"DROP TRIGGER {table}_{name}" for name in names]
    return [f"DROP FUNCTION {table}_{guard}() CASCADE"]
