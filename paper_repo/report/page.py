"""The page: its sections as HTML, and around them a head that lets nothing in but what stands in the file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from itertools import accumulate

from paper_repo.domain.selection import resting
from paper_repo.report import formatting as f
from paper_repo.report.charts import Chart, Line, milliseconds
from paper_repo.report.reading import Results
from paper_repo.report.tables import (
    cash_flow_table,
    cell,
    closed_order_table,
    drawdown_table,
    monthly_table,
    open_order_table,
    position_table,
    table,
    trade_table,
)

NONE_GREW = "<p>None of them has a return: they began with nothing, or were never marked.</p>"


def page(results: Sequence[Results], made_at: datetime) -> str:
    """The whole file."""
    style, script = (files("paper_repo.report").joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    one = results[0].session if len(results) == 1 else None
    title = f"{_name(results[0])} – paper-trading report" if one else f"{len(results)} paper-trading sessions"
    body = _whole(results[0]) if one else _together(results)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="referrer" content="no-referrer">'
        f'<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{f.plain(title)}</title><style>{style}</style></head>\n<body>{body}"
        f"<footer><p>Made by paper_repo on {f.moment(made_at)} UTC. All times are in UTC; days end at midnight UTC. "
        f"Ratios are of daily closes, scaled by 252 days a year. Trades run from the opening of a position until it is "
        f"closed.</p></footer><script>{script}</script></body></html>\n"
    )


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _name(results: Results) -> str:
    return results.session.name or results.session.id


# One session


def _whole(results: Results) -> str:
    return f"<header><h1>{f.text(_name(results))}</h1>{_subtitle(results)}</header><main>{_details(results, 0)}</main>"


def _subtitle(results: Results) -> str:
    session = results.session
    strategy = f"{f.text(session.strategy.name)} {f.text(session.strategy.version)}".strip()
    span = ""
    if results.curve:
        first, last = results.curve[0].at, results.curve[-1].at
        span = f" · {f.day(first)} to {f.day(last)}"
    symbols = ", ".join(f.text(each) for each in session.symbols[:12]) + (" …" if len(session.symbols) > 12 else "")
    parts = [strategy, session.status.value.lower() + span, symbols, f"id {f.text(session.id)}"]
    line = f'<p class="sub">{" · ".join(part for part in parts if part)}</p>'
    return line + (f'<p class="error">{f.text(session.error)}</p>' if session.error else "")


def _details(results: Results, number: int) -> str:
    parts = [_figures(results)]
    names = f"equity-{number} drawdown-{number}"
    if results.curve:
        parts.append(_equity_chart(results, number).html())
        parts += [_drawdown_chart([results], f"drawdown-{number}").html()] if results.levels else []
    else:
        parts.append("<p>There is no equity curve yet: the session was never marked.</p>")
    parts += [monthly_table(results), drawdown_table(results, names), trade_table(results)]
    session = results.session
    parts += [position_table(session.positions.values()), open_order_table(resting(session))]
    parts += [closed_order_table(results), cash_flow_table(results)]
    return "".join(parts)


def _figures(results: Results) -> str:
    session, found = results.session, results.figures
    pnl, began = session.net_pnl, f"{f.text(session.base_currency)}, began with {f.money(results.start)}"
    paid = session.net_deposits
    if paid:
        began += f", {f.money(abs(paid))} {'paid in' if paid > 0 else 'taken out'} since"
    costs = f"fees {f.money(session.fees_paid)}"
    if session.income:
        costs += f", income {f.signed(session.income)}"
    fall = f"{f.day(found.drawdown_peak_at)} to {f.day(found.drawdown_trough_at)}" if found.drawdown_peak_at else ""
    figures = (
        _figure("Equity", f.money(session.equity), note=began),
        _figure("Net P&amp;L", f.signed(pnl), f.sign_of(pnl), costs),
        _figure("Total return", f.percent(found.total_return), f.sign_of(found.total_return)),
        _figure("Max drawdown", f.percent(found.max_drawdown), f.sign_of(found.max_drawdown), fall),
        _figure("Sharpe ratio", f.ratio(found.sharpe_ratio)),
        _figure("Sortino ratio", f.ratio(found.sortino_ratio)),
        _figure(
            "Closed trades",
            f"{found.trades:,}",
            note=f"{session.fill_count:,} fill{'' if session.fill_count == 1 else 's'}",
        ),
        _figure("Win rate", f.share(found.win_rate)),
        _figure("Profit factor", f.ratio(found.profit_factor)),
        _figure("Average win", f.signed(found.average_win), f.sign_of(found.average_win)),
        _figure("Average loss", f.signed(found.average_loss), f.sign_of(found.average_loss)),
        _figure("Exposure", f.share(found.exposure)),
    )
    return f'<dl class="figures">{"".join(figures)}</dl>'


def _figure(name: str, value: str, sign: str = "", note: str = "") -> str:
    small = f"<small>{note}</small>" if note else ""
    return f'<div><dt>{name}</dt><dd class="{sign}">{value}{small}</dd></div>'


# Several sessions


def _together(results: Sequence[Results]) -> str:
    deposits = any(each.session.net_deposits for each in results)
    rows = "".join(
        f'<tr><th scope="row" class="name"><a href="#session-{number}">{f.text(_name(each))}</a></th>'
        f"{cell(f.percent(each.figures.total_return), f.sign_of(each.figures.total_return))}"
        f"{cell(f.signed(each.session.net_pnl), f.sign_of(each.session.net_pnl))}"
        f"{cell(f.signed(each.session.net_deposits)) if deposits else ''}"
        f'<td class="l currency">{f.text(each.session.base_currency)}</td>'
        f"{cell(f.percent(each.figures.max_drawdown))}{cell(f.ratio(each.figures.sharpe_ratio))}"
        f"{cell(f.ratio(each.figures.sortino_ratio))}{cell(f'{each.figures.trades:,}')}"
        f"{cell(f.share(each.figures.win_rate))}{cell(f.money(each.session.fees_paid))}</tr>"
        for number, each in enumerate(results)
    )
    paid = ["Deposits"] if deposits else []
    headings = [
        "Session",
        "Return",
        "Net P&amp;L",
        *paid,
        "",
        "Max drawdown",
        "Sharpe",
        "Sortino",
        "Trades",
        "Won",
        "Fees",
    ]
    compared = table("Side by side", headings, rows, left=(0, 3 + len(paid)))
    drawn = [each for each in results if each.growth]
    charts = (
        "".join(chart.html() for chart in (_growth_chart(drawn), _drawdown_chart(drawn, "drawdown")))
        if drawn
        else NONE_GREW
    )
    sections = "".join(
        f'<details id="session-{number}"><summary>{f.text(_name(each))}</summary>{_subtitle(each)}'
        f"{_details(each, number)}</details>"
        for number, each in enumerate(results)
    )
    title = f"<header><h1>{len(results)} paper-trading sessions</h1></header>"
    return f"{title}<main>{charts}{compared}{sections}</main>"


# Charts


def _equity_chart(results: Results, number: int) -> Chart:
    times = [milliseconds(point.at) for point in results.curve]
    line = Line(f.printable(_name(results)), times, [float(point.equity) for point in results.curve])
    title = f"Equity in {f.printable(results.session.base_currency)}"
    return Chart(f"equity-{number}", title, [line], "money", _amount_label)


def _growth_chart(results: Sequence[Results]) -> Chart:
    apart = _are_apart(results)
    lines = [
        Line(f.printable(_name(each)), _times(each, apart), [growth for _, growth in each.growth]) for each in results
    ]
    title = "Growth since the start of each session"
    return Chart("growth", title, lines, "percent", _percent_label, since_start=apart)


def _drawdown_chart(results: Sequence[Results], name: str) -> Chart:
    apart = _are_apart(results)
    lines = []
    for each in results:
        levels = [float(each.start), *(level for _, level in each.levels)]
        peaks = accumulate(levels, max)
        falls = [value / peak - 1 if peak > 0 else 0.0 for value, peak in zip(levels, peaks, strict=True)][1:]
        lines.append(Line(f.printable(_name(each)), _times(each, apart), falls))
    alone = len(results) == 1
    return Chart(name, "Drawdown", lines, "percent", _percent_label, fill=alone, small=True, since_start=apart)


def _times(results: Results, since_start: bool) -> list[float]:
    times = [milliseconds(at) for at, _ in results.levels]
    return [time - times[0] for time in times] if since_start else times


def _are_apart(results: Sequence[Results]) -> bool:
    """Whether the sessions lie so far apart in time that each would be a stroke in a chart of the calendar."""
    spans = [each.levels[-1][0] - each.levels[0][0] for each in results]
    whole = max(each.levels[-1][0] for each in results) - min(each.levels[0][0] for each in results)
    return len(results) > 1 and whole > 2 * max(spans)


def _percent_label(value: float) -> str:
    if abs(value) >= f.TOO_LARGE:
        return f"{value * 100:.1e} %"
    return f.percent(value, 1 if abs(value * 1000 - round(value * 1000)) < 1e-6 else 2)


def _amount_label(value: float) -> str:
    """Short enough to stand beside a chart."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if 10 * size <= abs(value) < 1e15:
            return f"{value / size:,.2f} {unit}"
    if abs(value) >= 1e15:
        return f"{value:.2e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"
