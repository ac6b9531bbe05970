"""Fixtures that every test may use: each room lists its module of fixtures here."""

pytest_plugins = [
    "fixtures_skips",
    "fixtures_database",
    "fixtures_identity",
    "fixtures_server",
    "fixtures_meter",
    "fixtures_ingest",
    "fixtures_certificates",
    "fixtures_claims",
    "fixtures_portal",
    "fixtures_chromium",
    "fixtures_packages",
]
