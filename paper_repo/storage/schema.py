"""The version of a database's schema, and the scripts that bring it to the present one.

Peewee's own runner (playhouse.migrations) runs the scripts in `migrations/` and keeps their history.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from peewee import Database

from paper_repo.errors import SchemaVersionError, StorageError

MIGRATIONS = Path(__file__).with_name("migrations")
HISTORY_TABLE = "paper_trading_migrations"


@cache
def newest_version(scripts: Path = MIGRATIONS) -> int:
    """The number of the newest migration script, which is the schema version that this library writes."""
    versions = [int(script.name[:4]) for script in scripts.glob("[0-9]*.py")]
    if not versions:
        raise StorageError(
            f"there are no migration scripts in {scripts}; a frozen program must take them along as data files "
            "(PyInstaller: --add-data), since they are run from their files and never imported"
        )
    return max(versions)


def migrate(database: Database, scripts: Path = MIGRATIONS) -> None:
    """Run every script that `database` has not seen, inside the caller's transaction."""
    from playhouse.migrations import Runner  # on demand: it is slow to import and seldom needed

    Runner(database, str(scripts), table_name=HISTORY_TABLE).up()
    (last,) = database.execute_sql(f"SELECT max(name) FROM {HISTORY_TABLE}").fetchone()
    if not last or int(last[:4]) != newest_version(scripts):  # as when no more files can be opened
        raise StorageError(f"the migration scripts in {scripts} could not be read; nothing was changed, try again")


def refuse_older(found: int, database: str, scripts: Path = MIGRATIONS) -> None:
    """Raise a `SchemaVersionError`: schema version `found` is older, and was not to be upgraded."""
    raise SchemaVersionError(
        f"{database}: its schema has version {found}, this paper_repo needs version {newest_version(scripts)}; it was "
        "not touched: have it opened once without upgrade='never', by somebody who may change it"
    )


def refuse_newer(found: int, database: str, scripts: Path = MIGRATIONS) -> None:
    """Raise a `SchemaVersionError` when schema version `found` is newer than this library."""
    if found > newest_version(scripts):
        raise SchemaVersionError(
            f"{database}: its schema has version {found}, this paper_repo knows versions up to "
            f"{newest_version(scripts)}; "
            "it was not touched: open it with a newer paper_repo (pip install --upgrade paper_repo)"
        )
