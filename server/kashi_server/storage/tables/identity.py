"""Tables of the identity family: hosts, their keys and certificates, enrolment tokens.

Rows of `host_key_tokens`, `host_key_words`, `host_states`, `alarms` and `privileged_acts` are only
ever added.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, SmallInteger, Table

from kashi_server.storage.schema import Bytes, Count, Key, Text, metadata

hosts = Table(
    "hosts",
    metadata,
    Column("host_id", Text, primary_key=True),
    Column("operator_party_id", Text, nullable=False, index=True),
    Column("report_public_key", Bytes, nullable=False, unique=True),
    Column("enrolled_utc_ms", Count, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_reason", Text, nullable=False),
    Column("state_utc_ms", Count, nullable=False),
    # The first of the two officers who release a held host, while the second is awaited.
    Column("release_requested_by", Text),
    Column("recoveries_used", Integer, nullable=False),
    Column("recoveries_allowed", Integer, nullable=False),
    # Of a relay: the names under which hosts reach it, divided by spaces; of a host: none.
    Column("relay_names", Text, nullable=False, server_default=""),
    CheckConstraint("state IN ('active', 'held', 'revoked')", name="state"),
    CheckConstraint("recoveries_used >= 0", name="recoveries_used"),
)

host_facts = Table(
    "host_facts",
    metadata,
    Column("host_id", ForeignKey("hosts.host_id"), primary_key=True),
    Column("hostname", Text, nullable=False),
    Column("machine_sha256", Bytes, nullable=False, index=True),
    Column("operating_system", Text, nullable=False),
    Column("agent_version", Text, nullable=False),
    Column("architecture", Text, nullable=False),
)

# What a host claimed of the token that holds its report key; of a key in a file: no row.
host_key_tokens = Table(
    "host_key_tokens",
    metadata,
    Column("host_id", ForeignKey("hosts.host_id"), primary_key=True),
    Column("manufacturer", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("made_inside", SmallInteger, nullable=False),
    Column("never_extractable", SmallInteger, nullable=False),
    Column("always_sensitive", SmallInteger, nullable=False),
)

# Officers' words on that claim.
host_key_words = Table(
    "host_key_words",
    metadata,
    Column("host_id", ForeignKey("hosts.host_id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("act", Text, nullable=False),
    # The ordinal of another officer's word that this one completes; 0: it waits for one.
    Column("completes", Integer, nullable=False),
    Column("officer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence_sha256", Text, nullable=False),
    Column("claim_sha256", Text, nullable=False),
    # How the host stood when it was said.
    Column("host_state", Text, nullable=False),
    Column("said_utc_ms", Count, nullable=False),
    CheckConstraint("act IN ('confirmed', 'withdrawn')", name="act"),
    CheckConstraint("act = 'withdrawn' OR host_state IN ('active', 'held')", name="host_state"),
    CheckConstraint("completes >= 0 AND completes < ordinal", name="completes"),
    CheckConstraint("(act = 'withdrawn') = (evidence_sha256 = '')", name="evidence"),
)

host_states = Table(
    "host_states",
    metadata,
    Column("host_state_id", Key, primary_key=True, autoincrement=True),
    Column("host_id", ForeignKey("hosts.host_id"), nullable=False, index=True),
    Column("utc_ms", Count, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
)

host_certificates = Table(
    "host_certificates",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("host_id", ForeignKey("hosts.host_id"), nullable=False),
    Column("public_key_sha256", Bytes, nullable=False),
    Column("certificate", Bytes, nullable=False),
    Column("issued_utc_ms", Count, nullable=False),
    Column("expires_utc_ms", Count, nullable=False),
    Column("standing", Text, nullable=False),
    CheckConstraint("standing IN ('current', 'next', 'past')", name="standing"),
)

# At most one current and one next a host.
Index(
    "uq_host_certificates_standing",
    host_certificates.c.host_id,
    host_certificates.c.standing,
    unique=True,
    sqlite_where=host_certificates.c.standing != "past",
    postgresql_where=host_certificates.c.standing != "past",
)

enrolment_tokens = Table(
    "enrolment_tokens",
    metadata,
    Column("token_sha256", Bytes, primary_key=True),
    Column("operator_party_id", Text, nullable=False, index=True),
    Column("issued_utc_ms", Count, nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("expires_utc_ms", Count, nullable=False),
    Column("consumed_utc_ms", Count),
    Column("host_id", ForeignKey("hosts.host_id")),
    Column("tls_key_sha256", Bytes),
    CheckConstraint(
        "(consumed_utc_ms IS NULL) = (host_id IS NULL)"
        " AND (host_id IS NULL) = (tls_key_sha256 IS NULL)",
        name="consumed",
    ),
)

alarms = Table(
    "alarms",
    metadata,
    Column("alarm_id", Key, primary_key=True, autoincrement=True),
    Column("utc_ms", Count, nullable=False),
    Column("kind", Text, nullable=False),
    Column("operator_party_id", Text),
    Column("host_id", Text),
    Column("detail", Text, nullable=False),
)

privileged_acts = Table(
    "privileged_acts",
    metadata,
    Column("act_id", Key, primary_key=True, autoincrement=True),
    Column("utc_ms", Count, nullable=False),
    Column("actor", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
