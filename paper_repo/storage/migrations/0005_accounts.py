"""Accounts of several currencies, with cash flows, splits, closed orders and equity whose cash is not known.

The new columns are NULL in what is stored already, which stands for an account that uses nothing of it.
"""

from peewee import (
    CompositeKey,
    Database,
    Field,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    PostgresqlDatabase,
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


NEW_COLUMNS = {
    "paper_trading_sessions": {
        "instruments": "JSON",
        "balances": "JSON",
        "rates": "JSON",
        "opening_positions": "JSON",
        "opening_balances": "JSON",
        "opening_worth": "EXACT",
        "net_deposits": "EXACT",
        "income": "EXACT",
        "currency_pnl": "EXACT",
        "other_value": "EXACT",
        "ledger_count": "INT",
        "closed_order_count": "INT",
        "keeps_own_accounts": "INT",
    },
    "paper_trading_fills": {
        "fee_currency": "TEXT",
        "position_id": "TEXT",
        "rate": "EXACT",
        "fee_rate": "EXACT",
        "corrected_at": "INSTANT",
        "replaces": "TEXT",
        "metadata": "JSON",
    },
}

EQUITY = """
    CREATE TABLE "paper_trading_equity" ("session_id" TEXT NOT NULL, "sequence" INTEGER NOT NULL, "at" TEXT NOT NULL,
    "cash" TEXT, "equity" TEXT NOT NULL, "checksum" INTEGER NOT NULL, PRIMARY KEY ("session_id", "sequence"),
    FOREIGN KEY ("session_id") REFERENCES "paper_trading_sessions" ("id") ON DELETE CASCADE) WITHOUT ROWID
"""


def up(migrator: SchemaMigrator, db: Database) -> None:
    for table, columns in NEW_COLUMNS.items():
        for name, kind in columns.items():
            db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {name} {_type(db, kind)}")
    _let_cash_be_unknown(db)

    class SessionRow(Model):
        id = TextField(primary_key=True)

        class Meta:
            database = db
            table_name = "paper_trading_sessions"

    class LedgerRow(Model):
        session = ForeignKeyField(SessionRow, column_name="session_id", on_delete="CASCADE", index=False)
        sequence = IntegerField()
        id = TextField()
        kind = TextField()
        at = InstantColumn()
        after_fill = IntegerField()
        amount = AmountColumn(null=True)
        currency = TextField(null=True)
        symbol = TextField(null=True)
        rate = AmountColumn(null=True)
        ratio = AmountColumn(null=True)
        per = AmountColumn(null=True)
        new_symbol = TextField(null=True)
        metadata = JSONField(null=True)
        checksum = IntegerField()

        class Meta:
            database = db
            legacy_table_names = False
            table_name = "paper_trading_ledger"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(db, SqliteDatabase)
            indexes = ((("session", "id"), True),)

    class OrderRow(Model):
        session = ForeignKeyField(SessionRow, column_name="session_id", on_delete="CASCADE", index=False)
        sequence = IntegerField()
        id = TextField()
        symbol = TextField()
        side = TextField()
        type = TextField()
        quantity = AmountColumn()
        filled_quantity = AmountColumn()
        limit_price = AmountColumn(null=True)
        stop_price = AmountColumn(null=True)
        time_in_force = TextField()
        created_at = InstantColumn()
        status = TextField()
        trail_amount = AmountColumn(null=True)
        trail_percent = AmountColumn(null=True)
        expires_at = InstantColumn(null=True)
        reduce_only = IntegerField(null=True)
        post_only = IntegerField(null=True)
        parent_id = TextField(null=True)
        oco_group = TextField(null=True)
        position_id = TextField(null=True)
        closed_at = InstantColumn(null=True)
        metadata = JSONField(null=True)
        checksum = IntegerField()

        class Meta:
            database = db
            legacy_table_names = False
            table_name = "paper_trading_orders"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(db, SqliteDatabase)
            indexes = ((("session", "id"), True),)

    db.create_tables([LedgerRow, OrderRow])


def _type(db: Database, kind: str) -> str:
    types: dict[str, str] = db.get_context_options()["field_types"]
    return types.get(kind, kind)


def _let_cash_be_unknown(db: Database) -> None:
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql("ALTER TABLE paper_trading_equity ALTER COLUMN cash DROP NOT NULL")
        return
    # SQLite cannot take NOT NULL away from a column: the table is written anew, in the order of its rows.
    db.execute_sql("ALTER TABLE paper_trading_equity RENAME TO paper_trading_equity_before")
    db.execute_sql(EQUITY.strip())
    db.execute_sql("INSERT INTO paper_trading_equity SELECT * FROM paper_trading_equity_before ORDER BY 1, 2")
    db.execute_sql("DROP TABLE paper_trading_equity_before")
