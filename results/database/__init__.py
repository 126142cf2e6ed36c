"""The database: its tables, opening, writing, waiting for and upgrading it."""
