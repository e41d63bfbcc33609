"""The tables: Peewee models, the single description of what is stored where.

Rows hold plain values, the same on every database: text, whole numbers, None; amounts as decimal text, times as ISO
text in UTC, JSON as text. Which column type keeps them exactly is the database's own choice (`COLUMN_TYPES`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from peewee import (
    SQL,
    BigIntegerField,
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

Row = dict[str, Any]
"""One stored row, by column name."""

SQLITE_COLUMN_TYPES = {"EXACT": "TEXT", "INSTANT": "TEXT", "BIGINT": "INTEGER"}
"""Column types of `AmountColumn` and `InstantColumn`. Text on SQLite: its NUMERIC keeps 15 to 17 digits."""

POSTGRES_COLUMN_TYPES = {"EXACT": "NUMERIC", "INSTANT": "TIMESTAMPTZ", "INT": "BIGINT", "TEXT": 'TEXT COLLATE "C"'}
"""The same on PostgreSQL, where text has to be told to sort as on SQLite, by its characters' numbers."""

COCKROACH_COLUMN_TYPES = {"EXACT": "DECIMAL", "INSTANT": "TIMESTAMPTZ", "INT": "INT8", "TEXT": "STRING"}
"""The same on CockroachDB, whose text sorts so by itself."""


SETTLED_COLUMNS = (
    "id", "name", "base_currency", "status", "initial_cash", "created_at", "started_at", "stopped_at", "error",
    "symbols", "strategy", "strategy_name", "metadata", "instruments", "opening_positions", "opening_balances",
    "opening_worth", "keeps_own_accounts",
)  # fmt: skip
"""The columns of a session that stay the same from tick to tick."""

ACCOUNT_COLUMNS = (
    "balances", "rates", "net_deposits", "income", "currency_pnl", "other_value", "ledger_count", "closed_order_count",
)  # fmt: skip
"""The others that stay the same in an account with nothing but cash, positions and resting orders."""

LATER_SESSION_COLUMNS = (
    "instruments", "balances", "rates", "opening_positions", "opening_balances", "opening_worth", "net_deposits",
    "income", "currency_pnl", "other_value", "ledger_count", "closed_order_count", "keeps_own_accounts",
)  # fmt: skip
"""What came with schema 5. NULL stands for what an account has that uses nothing of it: empty, or zero."""

LATER_FILL_COLUMNS = (
    "fee_currency", "position_id", "rate", "fee_rate", "corrected_at", "replaces", "metadata",
)  # fmt: skip
"""The same of fills."""

SUMMARY_COLUMNS = (
    "id", "name", "strategy_name", "status", "symbols", "base_currency", "initial_cash", "equity", "net_pnl",
    "position_count", "fill_count", "created_at", "started_at", "stopped_at", "updated_at", "version",
)  # fmt: skip
"""What a list shows; all of it lies before the long JSON columns."""


class AmountColumn(Field):
    """An exact decimal."""

    field_type = "EXACT"


class InstantColumn(Field):
    """A moment in UTC; text of fixed width on SQLite, so that text order is time order."""

    field_type = "INSTANT"


class Tables(NamedTuple):
    """The models, for one kind of database, in the order in which they can be created."""

    sessions: Any
    fills: Any
    equity: Any
    deletions: Any
    claims: Any
    ledger: Any
    orders: Any

    def all(self) -> list[Any]:
        """The models, in the order in which they can be created."""
        return list(self)


def make_tables(database: Database) -> Tables:
    """The models for databases of the kind of `database`, which may be closed.

    Made anew for each database, in one long function: foreign keys to models of the module would keep every copy alive.
    """

    class Base(Model):
        class Meta:
            legacy_table_names = False

    Base.bind(database)

    class SessionRow(Base):
        """Every field of a session, and what lists are filtered and sorted by; long columns stand behind short ones.

        `generation` is a random number that every save gives the row: the same version may come twice, after a rollback
        or a deletion, and the clock may stand still.
        """

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
        change_number = BigIntegerField(default=0, index=True, constraints=[SQL("DEFAULT 0")])
        generation = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
        instruments = JSONField(null=True)
        balances = JSONField(null=True)
        rates = JSONField(null=True)
        opening_positions = JSONField(null=True)
        opening_balances = JSONField(null=True)
        opening_worth = AmountColumn(null=True)
        net_deposits = AmountColumn(null=True)
        income = AmountColumn(null=True)
        currency_pnl = AmountColumn(null=True)
        other_value = AmountColumn(null=True)
        ledger_count = IntegerField(null=True)
        closed_order_count = IntegerField(null=True)
        keeps_own_accounts = IntegerField(null=True)

        class Meta:
            table_name = "paper_trading_sessions"
            indexes = ((("status", "created_at", "id"), False), (("created_at", "id"), False))

    class FillRow(Base):
        """One fill, at its place in the history of its session."""

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
        fee_currency = TextField(null=True)
        position_id = TextField(null=True)
        rate = AmountColumn(null=True)
        fee_rate = AmountColumn(null=True)
        corrected_at = InstantColumn(null=True)
        replaces = TextField(null=True)
        metadata = JSONField(null=True)

        class Meta:
            table_name = "paper_trading_fills"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(database, SqliteDatabase)
            indexes = ((("session", "id", "symbol"), True),)

    class EquityRow(Base):
        """One equity point, at its place in the history of its session."""

        session = ForeignKeyField(SessionRow, column_name="session_id", on_delete="CASCADE", index=False)
        sequence = IntegerField()
        at = InstantColumn()
        cash = AmountColumn(null=True)
        equity = AmountColumn()
        checksum = IntegerField()

        class Meta:
            table_name = "paper_trading_equity"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(database, SqliteDatabase)

    class DeletionRow(Base):
        """One deletion, so that it is reported to those who watch; `version` is the last one that the session had."""

        change_number = BigIntegerField(primary_key=True)
        session_id = TextField()
        version = IntegerField()

        class Meta:
            table_name = "paper_trading_deletions"

    class ClaimRow(Base):
        """The claim of a worker, `owner`, on a session."""

        session = ForeignKeyField(SessionRow, column_name="session_id", primary_key=True, on_delete="CASCADE")
        owner = TextField()
        expires_at = InstantColumn()

        class Meta:
            table_name = "paper_trading_claims"
            without_rowid = isinstance(database, SqliteDatabase)

    class LedgerRow(Base):
        """One ledger entry, at its place in the history of its session: a cash flow, a split or a change of a symbol.

        `after_fill` is the number of fills that were booked before it; so fills and ledger entries are in one order.
        """

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
            table_name = "paper_trading_ledger"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(database, SqliteDatabase)
            indexes = ((("session", "id"), True),)

    class OrderRow(Base):
        """One closed order, at its place in the history of its session; orders that rest are in its own row."""

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
            table_name = "paper_trading_orders"
            primary_key = CompositeKey("session", "sequence")
            without_rowid = isinstance(database, SqliteDatabase)
            indexes = ((("session", "id"), True),)

    return Tables(SessionRow, FillRow, EquityRow, DeletionRow, ClaimRow, LedgerRow, OrderRow)
