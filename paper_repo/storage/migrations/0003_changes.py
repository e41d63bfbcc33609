"""Changes are numbered: each session has the number of its last save, and deletions are remembered with theirs.

Sessions that were stored before count as changed once, in the order of their last save.
"""

from peewee import BigIntegerField, Database, IntegerField, Model, PostgresqlDatabase, TextField
from playhouse.migrate import SchemaMigrator

NUMBERED = """
    UPDATE paper_trading_sessions SET change_number = numbered.number
    FROM (SELECT id, row_number() OVER (ORDER BY updated_at, id) AS number FROM paper_trading_sessions) AS numbered
    WHERE numbered.id = paper_trading_sessions.id
"""


def up(migrator: SchemaMigrator, db: Database) -> None:
    class DeletionRow(Model):
        change_number = BigIntegerField(primary_key=True)
        session_id = TextField()
        version = IntegerField()

        class Meta:
            database = db
            table_name = "paper_trading_deletions"

    # Not the migrator's add_column: on SQLite that would build the whole table anew to make the column NOT NULL.
    whole = "BIGINT" if isinstance(db, PostgresqlDatabase) else "INTEGER"
    db.execute_sql(f"ALTER TABLE paper_trading_sessions ADD COLUMN change_number {whole} NOT NULL DEFAULT 0")
    db.execute_sql(NUMBERED)
    db.execute_sql("CREATE INDEX sessionrow_change_number ON paper_trading_sessions (change_number)")
    db.create_tables([DeletionRow])
    if isinstance(db, PostgresqlDatabase):  # where several transactions write at a time, each must get its own numbers
        (last,) = db.execute_sql("SELECT count(*) FROM paper_trading_sessions").fetchone()
        db.execute_sql(f"CREATE SEQUENCE paper_trading_changes START {last + 1}")
