"""Claims: which worker has a session, and until when."""

from peewee import Database, Field, ForeignKeyField, Model, SqliteDatabase, TextField
from playhouse.migrate import SchemaMigrator


class InstantColumn(Field):
    """A moment in UTC."""

    field_type = "INSTANT"


def up(migrator: SchemaMigrator, db: Database) -> None:
    class SessionRow(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = "paper_trading_sessions"

    class ClaimRow(Model):
        session = ForeignKeyField(SessionRow, column_name="session_id", primary_key=True, on_delete="CASCADE")
        owner = TextField()
        expires_at = InstantColumn()

        class Meta:
            database = db
            table_name = "paper_trading_claims"
            without_rowid = isinstance(db, SqliteDatabase)  # others have no such thing

    db.create_tables([ClaimRow])
