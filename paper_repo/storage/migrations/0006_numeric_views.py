"""Views for SQL tools: the tables with amounts as numbers, and times as SQL writes them.

Each amount is there twice: as a 64-bit float, and exactly as it is stored, in the column whose name ends with `_exact`.
A later script that changes a table drops its views first and makes them anew: PostgreSQL lets no column be changed that
a view uses. DuckDB runs the text of a file's views in a dialect of its own, where REAL has 32 bits.
"""

from peewee import Database, PostgresqlDatabase
from playhouse.migrate import SchemaMigrator

SESSIONS, FILLS, EQUITY = "paper_trading_sessions", "paper_trading_fills", "paper_trading_equity"
LEDGER, ORDERS = "paper_trading_ledger", "paper_trading_orders"


class SqliteDialect:
    """What the views are made of on SQLite, where amounts, times and JSON are text."""

    def number(self, amount: str) -> str:
        return f"CAST({amount} AS DOUBLE)"

    def exact(self, amount: str) -> str:
        return amount

    def term(self, exact: str) -> str:
        """An amount as figures are computed from it."""
        return self.number(exact)

    def figure(self, terms: str) -> str:
        """A computed figure as a number."""
        return terms

    def moment(self, time: str) -> str:
        """As `datetime('now')` writes it, so that texts that are compared are times that are compared."""
        return f"substr({time}, 1, 10) || ' ' || substr({time}, 12, 15)"

    def member(self, name: str) -> str:
        return f"json_extract(item.value, '$.{name}')"

    def json_moment(self, name: str) -> str:
        return self.moment(self.member(name))

    def json_flag(self, name: str) -> str:
        return f"coalesce({self.member(name)}, 0)"

    def items(self, column: str) -> str:
        """A session's row beside each of the members of this JSON object of its: their `key` and `value`."""
        return f"{SESSIONS}, json_each({SESSIONS}.{column}) AS item"


class ServerDialect(SqliteDialect):
    """The same on PostgreSQL, where an amount or a figure beyond the range of floats is an error unless it is looked at
    first; CockroachDB, besides, computes nothing of a decimal and a float."""

    def number(self, amount: str) -> str:
        return (
            f"CASE WHEN {amount} = 0 OR abs({amount}) BETWEEN 1e-300 AND 1e300 THEN CAST({amount} AS double precision) "
            f"WHEN abs({amount}) < 1 THEN 0 WHEN {amount} > 0 THEN CAST('Infinity' AS double precision) "
            f"WHEN {amount} < 0 THEN CAST('-Infinity' AS double precision) END"
        )

    def moment(self, time: str) -> str:
        return time

    def member(self, name: str) -> str:
        return f"(item.value ->> '{name}')"

    def exact(self, amount: str) -> str:
        return f"CAST({amount} AS numeric)"

    def term(self, exact: str) -> str:
        return exact

    def figure(self, terms: str) -> str:
        return self.number(f"({terms})")

    def json_moment(self, name: str) -> str:
        return f"CAST({self.member(name)} AS timestamptz)"

    def json_flag(self, name: str) -> str:
        return f"CASE {self.member(name)} WHEN 'true' THEN 1 ELSE 0 END"

    def items(self, column: str) -> str:
        return f"{SESSIONS}, jsonb_each({SESSIONS}.{column}) AS item(key, value)"


def up(migrator: SchemaMigrator, db: Database) -> None:
    dialect = ServerDialect() if isinstance(db, PostgresqlDatabase) else SqliteDialect()
    for name, query in views(dialect).items():
        db.execute_sql(f"CREATE VIEW {name} AS {query}")


def views(dialect: SqliteDialect) -> dict[str, str]:
    return {
        f"{SESSIONS}_numeric": sessions(dialect),
        f"{FILLS}_numeric": fills(dialect),
        f"{EQUITY}_numeric": equity(dialect),
        "paper_trading_positions_numeric": positions(dialect),
        f"{ORDERS}_numeric": orders(dialect),
        "paper_trading_open_orders_numeric": open_orders(dialect),
        f"{LEDGER}_numeric": ledger(dialect),
    }


def sessions(dialect: SqliteDialect) -> str:
    amounts = ("initial_cash", "cash", "equity", "net_pnl", "realized_pnl", "fees_paid")
    later = ("opening_worth", "net_deposits", "income", "currency_pnl", "other_value")  # NULL where they are zero
    exact = {name: name for name in amounts} | {name: f"coalesce({name}, {zero(dialect)})" for name in later}
    columns = [
        *("id", "name", "strategy_name", "status", "symbols", "base_currency"),
        *(f"{dialect.number(value)} AS {name}" for name, value in exact.items()),
        *("position_count", "fill_count", "version", "error"),
        *(f"{dialect.moment(name)} AS {name}" for name in ("created_at", "started_at", "stopped_at", "updated_at")),
        *(f"{value} AS {name}_exact" for name, value in exact.items()),
    ]
    return f"SELECT {', '.join(columns)} FROM {SESSIONS}"


def zero(dialect: SqliteDialect) -> str:
    return "0" if isinstance(dialect, ServerDialect) else "'0'"


def fills(dialect: SqliteDialect) -> str:
    amounts = ("quantity", "price", "fee", "rate", "fee_rate")
    columns = [
        *("session_id", "sequence", "id", "symbol", "side"),
        *(f"{dialect.number(name)} AS {name}" for name in amounts),
        *(f"{dialect.moment(name)} AS {name}" for name in ("executed_at", "corrected_at")),
        *("fee_currency", "order_id", "position_id", "replaces"),
        *(f"{name} AS {name}_exact" for name in amounts),
    ]
    return f"SELECT {', '.join(columns)} FROM {FILLS}"


def equity(dialect: SqliteDialect) -> str:
    columns = [
        *("session_id", "sequence", f"{dialect.moment(f'{EQUITY}.at')} AS at"),
        *(f"{dialect.number(name)} AS {name}" for name in ("cash", "equity")),
        *(f"{name} AS {name}_exact" for name in ("cash", "equity")),
    ]
    return f"SELECT {', '.join(columns)} FROM {EQUITY}"


def positions(dialect: SqliteDialect) -> str:
    """The open positions, out of the JSON of their sessions, with the figures that follow from their amounts."""
    names = ("quantity", "cost_basis", "last_price", "realized_pnl")
    exact = {name: dialect.exact(dialect.member(name)) for name in names}
    exact["multiplier"] = dialect.exact(f"coalesce({dialect.member('multiplier')}, '1')")
    number = {name: dialect.number(value) for name, value in exact.items()}
    term = {name: dialect.term(value) for name, value in exact.items()}
    value = f"{term['quantity']} * {term['last_price']} * {term['multiplier']}"
    figures = {
        "average_price": dialect.figure(f"{term['cost_basis']} / {term['quantity']} / {term['multiplier']}"),
        "market_value": dialect.figure(value),
        "unrealized_pnl": dialect.figure(f"{value} - {term['cost_basis']}"),
    }
    columns = [
        f"{SESSIONS}.id AS session_id, item.key AS id, {dialect.member('symbol')} AS symbol",
        *(f"{each} AS {name}" for name, each in (number | figures).items()),
        f"coalesce({dialect.member('currency')}, {SESSIONS}.base_currency) AS currency",
        f"coalesce({dialect.member('settlement')}, 'CASH') AS settlement",
        f"{dialect.json_moment('opened_at')} AS opened_at, {dialect.member('position_id')} AS position_id",
        *(f"{each} AS {name}_exact" for name, each in exact.items()),
    ]
    return f"SELECT {', '.join(columns)} FROM {dialect.items('positions')}"


ORDER_AMOUNTS = ("quantity", "filled_quantity", "limit_price", "stop_price", "trail_amount", "trail_percent")
ORDER_TEXTS = ("parent_id", "oco_group", "position_id")


def orders(dialect: SqliteDialect) -> str:
    columns = [
        *("session_id", "sequence", "id", "symbol", "side", "type", "status"),
        *(f"{dialect.number(name)} AS {name}" for name in ORDER_AMOUNTS),
        *("time_in_force", "coalesce(reduce_only, 0) AS reduce_only", "coalesce(post_only, 0) AS post_only"),
        *(f"{dialect.moment(name)} AS {name}" for name in ("created_at", "expires_at", "closed_at")),
        *ORDER_TEXTS,
        *(f"{name} AS {name}_exact" for name in ORDER_AMOUNTS),
    ]
    return f"SELECT {', '.join(columns)} FROM {ORDERS}"


def open_orders(dialect: SqliteDialect) -> str:
    """The orders that rest, out of the JSON of their sessions."""
    exact = {name: dialect.exact(dialect.member(name)) for name in ORDER_AMOUNTS}
    started = f"{dialect.number(exact['filled_quantity'])} > 0"
    status = f"coalesce({dialect.member('status')}, CASE WHEN {started} THEN 'PARTIALLY_FILLED' ELSE 'OPEN' END)"
    columns = [
        f"{SESSIONS}.id AS session_id, item.key AS id",
        *(f"{dialect.member(name)} AS {name}" for name in ("symbol", "side", "type")),
        f"{status} AS status",
        *(f"{dialect.number(value)} AS {name}" for name, value in exact.items()),
        f"{dialect.member('time_in_force')} AS time_in_force",
        *(f"{dialect.json_flag(name)} AS {name}" for name in ("reduce_only", "post_only")),
        *(f"{dialect.json_moment(name)} AS {name}" for name in ("created_at", "expires_at")),
        *(f"{dialect.member(name)} AS {name}" for name in ORDER_TEXTS),
        *(f"{value} AS {name}_exact" for name, value in exact.items()),
    ]
    return f"SELECT {', '.join(columns)} FROM {dialect.items('open_orders')}"


def ledger(dialect: SqliteDialect) -> str:
    amounts = ("amount", "rate", "ratio", "per")
    columns = [
        *("session_id", "sequence", "id", "kind", f"{dialect.moment(f'{LEDGER}.at')} AS at", "after_fill"),
        *(f"{dialect.number(name)} AS {name}" for name in amounts),
        *("currency", "symbol", "new_symbol"),
        *(f"{name} AS {name}_exact" for name in amounts),
    ]
    return f"SELECT {', '.join(columns)} FROM {LEDGER}"
