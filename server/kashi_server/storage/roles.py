"""Three PostgreSQL roles: the owner migrates, `…_ingest` adds facts, `…_portal` reads as a party.

Neither of the two can change or delete a fact, whatever program they run. The portal's role stands
under forced row-level security: a transaction names the party it reads for in `kashi.party`
(`*` for the office), and sees that party's rows only; a transaction that names none sees nothing.
It is the second net below the sight of `services.views`, which also cuts rows at the minute.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL, make_url

from kashi_server.errors import Refused, StorageError
from kashi_server.storage.row_security import (
    FUNCTIONS,
    OPEN_TO_PORTAL,
    POLICIES,
    VIEW_SCHEMA,
    VIEWS,
)

INGEST: Final = "ingest"
PORTAL: Final = "portal"

_ADD: Final = "SELECT, INSERT"
_CHANGE: Final = "SELECT, INSERT, UPDATE"

INGEST_GRANTS: Final[Mapping[str, str]] = {
    # Facts and what the log holds: only ever added. A report's bytes and verdict never change;
    # whether it is counted is a projection.
    "reports": f"{_ADD}, UPDATE (counted)",
    "epochs": _ADD,
    "forks": _ADD,
    "events": _ADD,
    "gaps": _ADD,
    "checkpoints": _ADD,
    "log_entries": _ADD,
    "log_runs": _ADD,
    # Projections and ends of chains.
    "heads": _CHANGE,
    "devices": _CHANGE,
    "device_hours": _CHANGE,
    "device_days": _CHANGE,
    "log_head": _CHANGE,
    "log_positions": _CHANGE,
    "log_tiles": _CHANGE,
    "log_pending": f"{_ADD}, DELETE",
    # Identity. Who asked for a host's release is officers' word.
    "hosts": f"{_ADD}, UPDATE (state, state_reason, state_utc_ms, recoveries_used)",
    "host_facts": _ADD,
    "host_key_tokens": _ADD,
    "host_states": _ADD,
    "host_certificates": f"{_ADD}, UPDATE (standing)",
    "enrolment_tokens": "SELECT, UPDATE (consumed_utc_ms, host_id, tls_key_sha256)",
    "alarms": _ADD,
}
"""What officers decide and parties confirm stands in none of them: restorations, privileged acts,
certificates. Ingestion hands hosts' facts on and gives nobody's word."""

PORTAL_WRITES: Final[Mapping[str, str]] = {
    "accounts": "SELECT",
    "sessions": _CHANGE,
    "sign_in_attempts": f"{_ADD}, DELETE",
    "audit_entries": _ADD,
}

VERSION_TABLE: Final = "alembic_version"
_RELEASE_GUARD: Final = "kashi_only_officers_release"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleUrls:
    """Addresses of one database for its two lesser roles; each holds a password."""

    ingest: str
    portal: str


def role_urls(owner_url: str, ingest_password: str, portal_password: str) -> RoleUrls:
    """The addresses that `install_roles` will make work.

    Raises:
        StorageError: the address names no database.
    """
    url = make_url(owner_url)
    if not url.database:
        raise StorageError("PostgreSQL 地址未写明数据库。the PostgreSQL address names no database")

    ingest = url.set(username=f"{url.database}_{INGEST}", password=ingest_password)
    portal = url.set(username=f"{url.database}_{PORTAL}", password=portal_password)
    # Whoever leaves the option out finds the tables closed, not open.
    portal = portal.update_query_dict({"options": f"-csearch_path={VIEW_SCHEMA},public"})
    return RoleUrls(
        ingest=ingest.render_as_string(hide_password=False),
        portal=portal.render_as_string(hide_password=False),
    )


def make_roles(engine: Engine, urls: RoleUrls) -> None:
    """Make both roles, or renew their passwords; the database may be empty.

    Raises:
        Refused: the owner may not make roles and they do not exist, or is named as one of them.
    """
    with engine.begin() as connection:
        for url in (urls.ingest, urls.portal):
            _make_role(connection, make_url(url))


def install_roles(engine: Engine, urls: RoleUrls) -> None:
    """Make or renew both roles, what they may do, and row-level security; as the owner.

    Raises:
        Refused: the owner may not make roles and they do not exist.
    """
    make_roles(engine, urls)
    ingest, portal = make_url(urls.ingest), make_url(urls.portal)
    with engine.begin() as connection:
        names = {INGEST: _name(connection, ingest), PORTAL: _name(connection, portal)}
        guard = _only_officers_release(_literal(connection, str(ingest.username)))
        for statement in (*_statements(names, _owner(connection)), *guard):
            connection.exec_driver_sql(statement)


def _make_role(connection: Connection, url: URL) -> None:
    if connection.execute(text("SELECT current_user")).scalar_one() == url.username:
        raise Refused(
            f"{url.username} 是数据库的所有者；请让接收与门户使用其他角色。"
            f"{url.username} owns the database; give ingestion and portal other roles"
        )
    exists = connection.execute(
        text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": url.username}
    ).scalar()
    able = connection.execute(
        text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    ).scalar_one()
    if not able:
        if exists:
            _refuse_powerful(connection, str(url.username))
            return
        raise Refused(
            "数据库的所有者无权建立角色；请以 PostgreSQL 管理员身份运行："
            f"CREATE ROLE {url.username} LOGIN PASSWORD '…'，然后重新 init。"
            f"the database's owner may not make roles; as PostgreSQL's administrator run:"
            f" CREATE ROLE {url.username} LOGIN PASSWORD '…'; then init again"
        )
    verb = "ALTER" if exists else "CREATE"
    name, password = _name(connection, url), _literal(connection, url.password or "")
    connection.exec_driver_sql(f"{verb} ROLE {name} LOGIN PASSWORD {password}")
    _refuse_powerful(connection, str(url.username))


def _refuse_powerful(connection: Connection, role: str) -> None:
    powerful = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :name")
    if connection.execute(powerful, {"name": role}).scalar_one():
        raise Refused(
            f"{role} 可绕过行级安全；请收回其 SUPERUSER 与 BYPASSRLS。"
            f"{role} passes by row-level security; take SUPERUSER and BYPASSRLS from it"
        )


def _statements(names: Mapping[str, str], owner: str) -> Iterator[str]:
    ingest, portal = names[INGEST], names[PORTAL]
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"GRANT USAGE ON SCHEMA public TO {ingest}, {portal}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ingest}, {portal}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ingest}, {portal}"
    yield f"GRANT SELECT ON {VERSION_TABLE} TO {ingest}, {portal}"
    for table, grant in INGEST_GRANTS.items():
        yield f"GRANT {grant} ON {table} TO {ingest}"
    for table, grant in PORTAL_WRITES.items():
        yield f"GRANT {grant} ON {table} TO {portal}"
    for table in OPEN_TO_PORTAL:
        yield f"GRANT SELECT ON {table} TO {portal}"
    for function in FUNCTIONS:
        yield function.create
        yield f"REVOKE ALL ON FUNCTION {function.signature} FROM PUBLIC"
        yield f"GRANT EXECUTE ON FUNCTION {function.signature} TO {portal}"
    yield f"CREATE SCHEMA IF NOT EXISTS {VIEW_SCHEMA}"
    yield f"GRANT USAGE ON SCHEMA {VIEW_SCHEMA} TO {portal}"
    for table, visible in VIEWS.items():
        view = f"{VIEW_SCHEMA}.{table}"
        yield f"DROP VIEW IF EXISTS {view}"
        yield (
            f"CREATE VIEW {view} WITH (security_barrier) AS"
            f" SELECT * FROM public.{table} WHERE {visible}"
        )
        yield f"GRANT SELECT ON {view} TO {portal}"
    for table, visible in POLICIES.items():
        yield f"GRANT SELECT ON {table} TO {portal}"
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        for policy in ("kashi_owner", "kashi_ingest", "kashi_portal"):
            yield f"DROP POLICY IF EXISTS {policy} ON {table}"
        everything = "USING (true) WITH CHECK (true)"
        yield f"CREATE POLICY kashi_owner ON {table} TO {owner} {everything}"
        if table in INGEST_GRANTS:
            yield f"CREATE POLICY kashi_ingest ON {table} TO {ingest} {everything}"
        yield f"CREATE POLICY kashi_portal ON {table} FOR SELECT TO {portal} USING ({visible})"


def _only_officers_release(ingest: str) -> Iterator[str]:
    """Ingestion, named by a literal, holds a host on the server's account and lets none go."""
    yield (
        f"CREATE OR REPLACE FUNCTION {_RELEASE_GUARD}() RETURNS trigger LANGUAGE plpgsql"
        " SET search_path = pg_catalog, pg_temp AS"
        " $$ BEGIN RAISE EXCEPTION 'permission denied: ingestion may hold a host, and no more'"
        " USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    yield f"DROP TRIGGER IF EXISTS {_RELEASE_GUARD} ON hosts"
    yield (
        f"CREATE TRIGGER {_RELEASE_GUARD} BEFORE UPDATE ON hosts FOR EACH ROW WHEN"
        f" (OLD.state <> NEW.state AND NEW.state <> 'held' AND current_user = {ingest})"
        f" EXECUTE FUNCTION {_RELEASE_GUARD}()"
    )


def _owner(connection: Connection) -> str:
    name = connection.execute(text("SELECT current_user")).scalar_one()
    return connection.dialect.identifier_preparer.quote(str(name))


def _name(connection: Connection, url: URL) -> str:
    return connection.dialect.identifier_preparer.quote(str(url.username))


def _literal(connection: Connection, value: str) -> str:
    # ALTER ROLE takes no parameters; the server itself quotes.
    return str(connection.execute(text("SELECT quote_literal(:value)"), {"value": value}).scalar())
