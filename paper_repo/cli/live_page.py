"""What a watch shows: a table that fits the screen, and the keys below it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from paper_repo.cli import formatting, tables
from paper_repo.cli.escaping import name_or_id, printable
from paper_repo.cli.fitted_table import FittedTable
from paper_repo.cli.following import Followed, Following, Sorting, counts_of, gain_of
from paper_repo.cli.zones import Zone
from paper_repo.domain import Fill

KEYS = {
    "n": Sorting.NAME,
    "e": Sorting.EQUITY,
    "p": Sorting.NET_PNL,
    "o": Sorting.SINCE_OPENED,
    "l": Sorting.LAST_FILL,
    "s": Sorting.SAVED,
}
_LABELS = {
    Sorting.NAME: "name",
    Sorting.EQUITY: "equity",
    Sorting.NET_PNL: "P&L",
    Sorting.SINCE_OPENED: "opened",
    Sorting.LAST_FILL: "last fill",
    Sorting.SAVED: "saved",
}
_AROUND = 6
"""The lines of the page that are no row: the headline, the heading, the keys, and what is left out."""


class View(NamedTuple):
    """How the rows are sorted."""

    by: Sorting
    reverse: bool = False

    def after(self, key: str) -> View:
        """The view after a key was pressed."""
        if key == "r":
            return View(self.by, not self.reverse)
        return View(KEYS[key]) if key in KEYS else self


def live_page(following: Following, view: View, zone: Zone, height: int | None, width: int) -> Group:
    """The page.

    Args:
        following: the sessions.
        view: how they are sorted.
        zone: in which times are shown.
        height: how many lines there are; None: all that are needed, without the keys.
        width: how many columns there are.
    """
    rows = following.sorted(view.by, view.reverse)
    shown = rows if height is None else rows[: max(height - _AROUND, 1)]
    parts: list[RenderableType] = [_headline(following, rows, zone), ""]
    parts.append(_table(shown, datetime.now(UTC), zone) if rows else Text("nothing runs", "bright_black"))
    if len(shown) < len(rows):
        parts.append(Text(f"and {len(rows) - len(shown):,} more", "bright_black"))
    if height is not None:
        parts += ["", _keys(view, width)]
    return Group(*parts)


def _headline(following: Following, rows: Sequence[Followed], zone: Zone) -> Text:
    line = Text(counts_of(rows) or "no sessions", "bold")
    gain = gain_of(rows)
    line.append(f"   since {formatting.stamp(following.opened_at, zone)}", "bright_black")
    if gain is not None:
        amount, currency = gain
        told = f"{formatting.signed(amount, formatting.places_of(amount, currency=currency))} {printable(currency)}"
        line.append("  ").append(told, formatting.style_of(amount))
    line.no_wrap, line.overflow = True, "crop"
    return line


def _table(rows: Sequence[Followed], now: datetime, zone: Zone) -> FittedTable:
    currencies = {each.summary.base_currency for each in rows}
    unit = f" {printable(currencies.pop())}" if len(currencies) == 1 else ""
    equity = f">equity{unit}"
    table = FittedTable(
        [
            *("id", "name", "status", equity, ">net P&L", ">since opened", ">open", ">fills"),
            *("last fill", ">filled", ">saved"),
        ],
        expendable=[">open", ">fills", ">saved", "id", ">filled", ">net P&L", "last fill", "status"],
        shortened=1,
    )
    for each in rows:
        summary = each.summary
        places = formatting.places_of(
            summary.equity, summary.net_pnl, each.since_opened, currency=summary.base_currency
        )
        currency = "" if unit else f" {printable(summary.base_currency)}"
        table.add_row(
            Text(printable(each.short_id), "bright_black"),
            Text(name_or_id(summary.name, summary.id), "bold"),
            tables.status(summary.status),
            formatting.money(summary.equity, places) + currency,
            Text(formatting.signed(summary.net_pnl, places), formatting.style_of(summary.net_pnl)),
            Text(formatting.signed(each.since_opened, places), formatting.style_of(each.since_opened)),
            f"{summary.open_positions:,}",
            f"{summary.fill_count:,}",
            _last_fill(each.last_fill),
            Text(
                formatting.ago(None if each.last_fill is None else each.last_fill.executed_at, now, zone),
                "bright_black",
            ),
            Text(formatting.ago(summary.updated_at, now, zone), "bright_black"),
        )
    return table


def _last_fill(fill: Fill | None) -> str:
    if fill is None:
        return formatting.UNKNOWN
    traded = f"{fill.side.lower()} {formatting.quantity(fill.quantity)} {printable(fill.symbol, 20)}"
    return f"{traded} at {formatting.price(fill.price)}"


def _keys(view: View, width: int) -> Text:
    line = Text("sort by ", "bright_black")
    for key, by in KEYS.items():
        before, _, after = _LABELS[by].lower().partition(key)
        style = "bold reverse" if by is view.by else ""
        line.append(f"{before}[{key}]{after}", style).append(" ")
    line.append("  [r]everse  [q]uit")
    if line.cell_len > width:
        line = Text(" ".join([*KEYS, "sort, r reverse, q quit"]), "bright_black")
    line.no_wrap, line.overflow = True, "crop"
    return line
