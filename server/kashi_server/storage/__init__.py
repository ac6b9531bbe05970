"""Where facts stand: tables, repositories and units of work over SQLite and PostgreSQL."""
