"""The first schema: sessions, their fills and their equity points.

A frozen copy of the models of that time, on purpose independent of the present ones.
"""

from peewee import (
    CompositeKey,
    Database,
    Field,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    SqliteDatabase,
    TextField,
)
from playhouse.migrate import SchemaMigrator


class AmountColumn(Field):
    """An exact decimal."""

    field_type = "EXACT"


class InstantColumn(Field):
    """A moment in UTC."""

    field_type = "INSTANT"


def up(migrator: SchemaMigrator, db: Database) -> None:
    class SessionRow(Model):
        id = TextField(primary_key=True)
        name = TextField()
        base_currency = TextField()
        status = TextField()
        initial_cash = AmountColumn()
        cash = AmountColumn()
        realized_pnl = AmountColumn()
        fees_paid = AmountColumn()
        created_at = InstantColumn()
        started_at = InstantColumn(null=True)
        stopped_at = InstantColumn(null=True)
        updated_at = InstantColumn()
        version = IntegerField()
        fill_count = IntegerField()
        strategy_name = TextField()
        position_count = IntegerField()
        equity = AmountColumn()
        net_pnl = AmountColumn()
        equity_order = TextField(index=True)
        net_pnl_order = TextField()
        summary_checksum = IntegerField()
        checksum = IntegerField()
        error = TextField(null=True)
        symbols = JSONField()
        strategy = JSONField()
        metadata = JSONField()
        open_orders = JSONField()
        state = JSONField()
        positions = JSONField()

        class Meta:
            database = db
            table_name = "paper_trading_sessions"
            indexes = ((("status", "created_at", "id"), False), (("created_at", "id"), False))

    class FillRow(Model):
        session = ForeignKeyField(SessionRow, column_name="session_id", on_delete="CASCADE", index=False)
        sequence = IntegerField()
        id = TextField()
        symbol = TextField()
        side = TextField()
        quantity = AmountColumn()
        price = AmountColumn()
        fee = AmountColumn()
        executed_at = InstantColumn()
        order_id = TextField(null=True)
        checksum = IntegerField()

        class Meta:
            database = db
            table_name = "paper_trading_fills"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(db, SqliteDatabase)  # others have no such thing
            indexes = ((("session", "id"), True),)

    class EquityRow(Model):
        session = ForeignKeyField(SessionRow, column_name="session_id", on_delete="CASCADE", index=False)
        sequence = IntegerField()
        at = InstantColumn()
        cash = AmountColumn()
        equity = AmountColumn()
        checksum = IntegerField()

        class Meta:
            database = db
            table_name = "paper_trading_equity"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(db, SqliteDatabase)  # others have no such thing

    db.create_tables([SessionRow, FillRow, EquityRow])
