"""The version of a database's schema, and the scripts that bring it to the present one.

Peewee's own runner (playhouse.migrations) runs the scripts in `migrations/` and keeps their history.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from peewee import Database

from paper_repo.errors import SchemaVersionError

MIGRATIONS = Path(__file__).with_name("migrations")
HISTORY_TABLE = "paper_trading_migrations"


@cache
def newest_version() -> int:
    """The number of the newest migration script, which is the schema version that this library writes."""
    return max(int(script.name[:4]) for script in MIGRATIONS.glob("[0-9]*.py"))


def migrate(database: Database) -> None:
    """Run every script that `database` has not seen, inside the caller's transaction."""
    from playhouse.migrations import Runner  # on demand: it is slow to import and seldom needed

    Runner(database, str(MIGRATIONS), table_name=HISTORY_TABLE).up()


def refuse_older(found: int, database: str) -> None:
    """Raise a `SchemaVersionError`: schema version `found` is older, and was not to be upgraded."""
    raise SchemaVersionError(
        f"{database}: its schema has version {found}, this paper_repo needs version {newest_version()}; it was not "
        "touched: have it opened once without upgrade='never', by somebody who may change it"
    )


def refuse_newer(found: int, database: str) -> None:
    """Raise a `SchemaVersionError` when schema version `found` is newer than this library."""
    if found > newest_version():
        raise SchemaVersionError(
            f"{database}: its schema has version {found}, this paper_repo knows versions up to {newest_version()}; "
            "it was not touched: open it with a newer paper_repo (pip install --upgrade paper_repo)"
        )
