"""How a comparison of two sessions is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.text import Text

from paper_repo.cli import formatting
from paper_repo.cli.comparison_lists import Highlights
from paper_repo.cli.escaping import name_or_id, printable
from paper_repo.cli.fitted_table import FittedTable
from paper_repo.cli.zones import Zone
from paper_repo.domain import Fill, PaperTradingSession
from paper_repo.domain.comparison import MatchedFill, UnmatchedFill
from paper_repo.domain.values import EXACT

T = TypeVar("T")

_FAINT = "bright_black"


def comparison_page(
    expected: PaperTradingSession,
    actual: PaperTradingSession,
    found: Highlights,
    *,
    zone: Zone,
    within: timedelta,
    whole: bool,
) -> Group:
    """Everything about a comparison.

    Args:
        expected, actual: the two sessions.
        found: how they compare.
        zone: in which times are shown.
        within: how far apart two fills were at most that were taken for the same.
        whole: whether all fills were compared, so that the difference of the P&L can be taken apart.
    """
    parts: list[RenderableType] = [_heading("expected", expected), _heading("actual", actual), ""]
    parts += [_figures(expected, actual, found), "", *_verdict(expected, actual, found, zone, within, whole)]
    for fills, count, title in (
        (found.shown_missed, found.missed, "only in the expected session (missed)"),
        (found.shown_extra, found.extra, "only in the actual session (extra)"),
    ):
        if fills:
            left = found.missed_in_part if fills is found.shown_missed else found.extra_in_part
            in_part = f", {left:,} of them in part" if left else ""
            parts += ["", Text(f"{formatting.count(count, 'fill')} {title}{in_part}", "bold")]
            parts += _limited(_unmatched_table(fills, zone), len(fills), count)
    if dearest := found.dearest:
        title = f"{formatting.count(found.at_other_prices, 'matched fill')} at another price, the costliest first"
        table = _matched_table(dearest, zone, currency=actual.base_currency)
        parts += ["", Text(title, "bold"), *_limited(table, len(dearest), found.at_other_prices)]
    return Group(*parts)


def _heading(what: str, session: PaperTradingSession) -> Text:
    heading = Text(f"{what:<10}", _FAINT).append(name_or_id(session.name, session.id), "bold")
    return heading.append(f"  {printable(session.id)}", _FAINT) if session.name else heading


def _figures(expected: PaperTradingSession, actual: PaperTradingSession, found: Highlights) -> FittedTable:
    table = FittedTable(["", ">expected", ">actual", ">difference"], expendable=[">difference"])
    table.add_row("fills", *_counts(found.expected.fills, found.actual.fills))
    same = expected.base_currency == actual.base_currency
    for name, first, second in (
        ("fees", found.expected.fees, found.actual.fees),
        ("net P&L", expected.net_pnl, actual.net_pnl),
    ):
        difference = EXACT.subtract(second, first)
        places = formatting.places_of(first, second, difference, currency=expected.base_currency if same else None)
        shown = [formatting.money(each, places) for each in (first, second)]
        if not same:
            currencies = (expected.base_currency, actual.base_currency)
            shown = [f"{each} {printable(currency)}" for each, currency in zip(shown, currencies, strict=True)]
        table.add_row(name, *shown, formatting.signed(difference, places) if same else formatting.UNKNOWN)
    return table


def _counts(first: int, second: int) -> tuple[str, str, str]:
    return f"{first:,}", f"{second:,}", f"{second - first:+,}" if second != first else "0"


def _verdict(
    expected: PaperTradingSession,
    actual: PaperTradingSession,
    found: Highlights,
    zone: Zone,
    within: timedelta,
    whole: bool,
) -> list[Text]:
    """What the figures mean, in sentences."""
    if found.agrees:
        return [Text("the same fills at the same prices, with the same fees", "green")]
    lines = [_matched(found, within)]
    if found.matched:
        places = formatting.places_of(found.slippage, currency=actual.base_currency)
        amount = f"{formatting.money(abs(found.slippage), places)} {printable(actual.base_currency)}"
        cost = f"better prices saved {amount}" if found.slippage < 0 else f"slippage cost {amount}"
        lines.append(Text(f"{cost}; the delay is {formatting.span(found.median_delay)} (median)"))
    if whole and expected.base_currency == actual.base_currency:
        lines.append(_taken_apart(expected, actual, found))
    if (first := found.first_divergence) is not None:
        which = "actual" if first is found.first_missed else "expected"
        told = f"{_told(first.fill, first.quantity, zone)}, not in the {which} session"
        lines.append(Text(f"first divergence: {told}", "yellow"))
    elif (other := found.first_difference_of_price) is not None:
        told = _told(other.expected, other.quantity, zone)
        lines.append(Text(f"prices first differ at {told}: {formatting.price(other.actual.price)}", "yellow"))
    return lines


def _matched(found: Highlights, within: timedelta) -> Text:
    pairs = formatting.count(found.matched, "pair")
    text = f"{pairs} of fills match within {formatting.span(within)}"
    if left := found.missed_in_part + found.extra_in_part:
        text += f", in part only {formatting.count(left, 'fill')}: what is left over is missed or extra"
    if found.matched * 2 < min(found.expected.fills, found.actual.fills):
        text += "; if times differ more, as those of daily bars do, say so: --within 1d"
    return Text(text)


def _taken_apart(expected: PaperTradingSession, actual: PaperTradingSession, found: Highlights) -> Text:
    """Where the difference of the P&L comes from."""
    difference = EXACT.subtract(actual.net_pnl, expected.net_pnl)
    fees = EXACT.subtract(found.expected.fees, found.actual.fees)
    rest = EXACT.add(EXACT.subtract(difference, fees), found.slippage)
    amounts = (difference, EXACT.minus(found.slippage), fees, rest)
    places = formatting.places_of(*amounts, currency=expected.base_currency)
    whole, prices, by_fees, other = (formatting.signed(each, places) for each in amounts)
    return Text(f"net P&L {whole}: prices {prices}, fees {by_fees}, missed and extra fills and the rest {other}")


def _told(fill: Fill, quantity: Decimal, zone: Zone) -> str:
    return (
        f"{formatting.stamp(fill.executed_at, zone)}, {fill.side.lower()} {formatting.quantity(quantity)} "
        f"{printable(fill.symbol)} at {formatting.price(fill.price)}"
    )


def _limited(table: FittedTable, shown: int, count: int) -> list[RenderableType]:
    parts: list[RenderableType] = [table]
    if shown < count:
        parts.append(Text(f"{shown:,} of {count:,}; --limit 0 shows all", _FAINT))
    return parts


def _unmatched_table(fills: Sequence[UnmatchedFill], zone: Zone) -> FittedTable:
    partly = any(each.quantity != each.fill.quantity for each in fills)
    table = FittedTable(
        [zone.heading("executed"), "symbol", "side", ">quantity", *([">of"] if partly else []), ">price", "fill"],
        expendable=["fill", ">of"],
        shortened=1,
    )
    for each in fills:
        fill = each.fill
        table.add_row(
            formatting.moment(fill.executed_at, zone),
            Text(printable(fill.symbol), "bold"),
            fill.side.lower(),
            formatting.quantity(each.quantity),
            *([formatting.quantity(fill.quantity)] if partly else []),
            formatting.price(fill.price),
            Text(printable(fill.id), _FAINT),
        )
    return table


def _matched_table(fills: Sequence[MatchedFill], zone: Zone, currency: str) -> FittedTable:
    table = FittedTable(
        [
            *(zone.heading("executed"), "symbol", "side", ">quantity"),
            *(">expected", ">actual", ">worse by", ">cost", ">delay"),
        ],
        expendable=[">delay", ">worse by", ">expected", ">actual"],
        shortened=1,
    )
    places = formatting.places_of(*(each.cost for each in fills), currency=currency)
    for each in fills:
        table.add_row(
            formatting.moment(each.actual.executed_at, zone),
            Text(printable(each.actual.symbol), "bold"),
            each.actual.side.lower(),
            formatting.quantity(each.quantity),
            formatting.price(each.expected.price),
            formatting.price(each.actual.price),
            formatting.price(each.slippage),
            Text(formatting.signed(each.cost, places), formatting.style_of(-each.cost)),
            formatting.span(each.delay),
        )
    return table
