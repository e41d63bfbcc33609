"""Fill ids are unique within a session and a symbol, and each save gives the row of its session another generation."""

from peewee import Database, PostgresqlDatabase
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    # Not the migrator's add_column: on SQLite that would build the whole table anew to make the column NOT NULL.
    whole = "BIGINT" if isinstance(db, PostgresqlDatabase) else "INTEGER"
    db.execute_sql(f"ALTER TABLE paper_trading_sessions ADD COLUMN generation {whole} NOT NULL DEFAULT 0")
    db.execute_sql("CREATE UNIQUE INDEX fillrow_session_id_id_symbol ON paper_trading_fills (session_id, id, symbol)")
    db.execute_sql("DROP INDEX fillrow_session_id_id")
