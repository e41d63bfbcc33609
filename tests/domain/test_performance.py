"""The figures of a session's performance, against their definitions and against quantstats."""

from __future__ import annotations

import csv
import decimal
import math
import statistics
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.domain import EquityPoint, Fill, PaperTradingSession, Side, Strategy
from paper_repo.domain.performance import performance
from paper_repo.domain.round_trips import round_trips

START = datetime(2024, 1, 2, tzinfo=UTC)


def new_session():
    """A session that has done nothing yet."""
    return PaperTradingSession(strategy=Strategy("any"), initial_cash=100_000)


def curve(*equities):
    """One point a day, without cash."""
    return [EquityPoint(START + timedelta(days=number), 0, equity) for number, equity in enumerate(equities)]


def figures(*equities, **options):
    """The performance of a curve, one point a day, without trades."""
    return performance(new_session(), curve(*equities), [], **options)


def traded(*gains, fee=0):
    """Fills of one trade for each of `gains`, before fees; `fee` is paid on entry."""
    fills = []
    for gain in gains:
        fills += [Fill("in", "A", Side.BUY, 1, 100, fee), Fill("out", "A", Side.SELL, 1, Decimal(100) + Decimal(gain))]
    return fills


def of_trades(*gains, fee=0):
    """The performance of trades that gained this before fees, without a curve."""
    return performance(new_session(), [], traded(*gains, fee=fee))


def days():
    """The packaged closing prices, day by day: when, and the close by symbol."""
    with (files("paper_repo") / "demo" / "prices.csv").open(newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: row["date"])
    for day, of_day in groupby(rows, key=lambda row: row["date"]):
        at = datetime.combine(date.fromisoformat(day), time(21), UTC)
        yield at, {row["symbol"]: Decimal(row["close"]) for row in of_day}


class Crossover:
    """A year of daily prices traded by a crossing of two moving averages, long and short, in four symbols."""

    def __init__(self, fee_rate="0.001"):
        self.session = new_session()
        self.fee_rate = Decimal(fee_rate)
        self.closes = {}
        self.session.mark({}, datetime(2012, 2, 29, 21, tzinfo=UTC))
        for at, closes in days():
            for symbol, close in closes.items():
                self.closes.setdefault(symbol, []).append(close)
                self.trade(symbol, close, at)
            self.session.mark(closes, at)
        self.fills, self.points = self.session.new_fills, self.session.new_equity_points

    def trade(self, symbol, close, at):
        past = self.closes[symbol]
        if len(past) < 30:
            return
        target = 100 if statistics.fmean(past[-5:]) > statistics.fmean(past[-30:]) else -40
        position = self.session.positions.get(symbol)
        change = target - (position.quantity if position else 0)
        if change:
            side = Side.BUY if change > 0 else Side.SELL
            number, fee = str(self.session.fill_count), abs(change) * close * self.fee_rate
            self.session.apply_fill(Fill(number, symbol, side, abs(change), close, fee, at))

    def performance(self, **options):
        return performance(self.session, self.points, self.fills, **options)


@pytest.fixture(scope="module")
def crossover():
    """The session of a whole year, with fees."""
    return Crossover()


@pytest.fixture(scope="module")
def pd():
    """The pandas library, which quantstats takes its data in."""
    return pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def qs():
    """The statistics of quantstats."""
    return pytest.importorskip("quantstats").stats


def close_to(number):
    """Equal but for the rounding of floats."""
    return pytest.approx(number, rel=1e-9, abs=0)


class TestAgainstQuantstats:
    """On a year of real prices, each figure equals that of quantstats on the same data."""

    @pytest.fixture
    def equity(self, crossover, pd):
        return pd.Series(
            [float(point.equity) for point in crossover.points],
            index=pd.DatetimeIndex([point.at.replace(tzinfo=None) for point in crossover.points]),
        )

    @pytest.fixture
    def gains(self, crossover, pd):
        return pd.Series([float(trade.net_pnl) for trade in round_trips(crossover.fills)])

    def test_realistic(self, crossover):
        """The year has enough of everything for a comparison to mean something."""
        result = crossover.performance()

        assert len(crossover.points) == 252
        assert result.trades > 40
        assert 0 < result.win_rate < 1

    def test_total_return(self, crossover, equity, qs):
        """The total return is that of all single returns compounded."""
        result = crossover.performance()

        assert result.total_return == close_to(qs.comp(equity.pct_change().dropna()))

    def test_max_drawdown(self, crossover, equity, qs):
        """The maximum drawdown has the same depth and sign."""
        result = crossover.performance()

        assert result.max_drawdown == close_to(qs.max_drawdown(equity))

    def test_drawdown_times(self, crossover, equity, qs):
        """The trough is where the drawdown is deepest, the peak where it was last at zero before."""
        result = crossover.performance()

        drawdown = qs.to_drawdown_series(equity)
        trough = drawdown.idxmin()
        peak = drawdown[:trough][drawdown[:trough] == 0].index[-1]
        assert result.drawdown_trough_at == trough.tz_localize(UTC)
        assert result.drawdown_peak_at == peak.tz_localize(UTC)

    # quantstats passes over a rate below zero; TestRatios has one.
    @pytest.mark.parametrize("periods", [252, 365, 52])
    @pytest.mark.parametrize("rate", [0.0, 0.03, 0.1])
    @pytest.mark.parametrize("name", ["sharpe", "sortino"])
    def test_ratios(self, crossover, equity, qs, name, rate, periods):
        """Sharpe and Sortino ratios are the same for any risk-free rate and number of periods in a year."""
        result = crossover.performance(periods_per_year=periods, risk_free_rate=rate)

        assert getattr(result, f"{name}_ratio") == close_to(getattr(qs, name)(equity, rf=rate, periods=periods))

    def test_trades(self, crossover, gains, qs):
        """The figures of trades are those of quantstats on the series of the trades' gains after fees."""
        result = crossover.performance()

        assert result.trades == len(gains)
        assert result.win_rate == close_to(qs.win_rate(gains, prepare_returns=False))
        assert result.profit_factor == close_to(qs.profit_factor(gains, prepare_returns=False))
        assert float(result.average_win) == close_to(qs.avg_win(gains, prepare_returns=False))
        assert float(result.average_loss) == close_to(qs.avg_loss(gains, prepare_returns=False))

    def test_exposure(self, pd, qs):
        """Without fees the exposure is the share of days whose equity moved, to a full percent."""
        crossover = Crossover(fee_rate=0)
        equity = pd.Series([float(point.equity) for point in crossover.points])

        result = crossover.performance()

        assert 0 < result.exposure < 1
        assert math.ceil(result.exposure * 100) / 100 == qs.exposure(equity.pct_change().dropna())


class TestBooks:
    """The amounts."""

    def test_session(self, crossover):
        """Net P&L and fees are the session's own, exactly."""
        result = crossover.performance()

        assert (result.net_pnl, result.fees) == (crossover.session.net_pnl, crossover.session.fees_paid)
        assert result.fees == sum(fill.fee for fill in crossover.fills)

    def test_total_return(self, crossover):
        """A curve that begins before the first fill has the total return that the books show."""
        result = crossover.performance()

        assert result.total_return == close_to(float(crossover.session.net_pnl / crossover.session.initial_cash))


class TestNothing:
    """What has no answer is None."""

    def test_no_history(self):
        """Without history there are amounts, and no ratios."""
        result = performance(new_session(), [], [])

        assert (result.net_pnl, result.fees, result.trades) == (0, 0, 0)
        assert result.total_return is result.max_drawdown is result.sharpe_ratio is result.sortino_ratio is None
        assert result.drawdown_peak_at is result.drawdown_trough_at is result.exposure is result.win_rate is None
        assert result.profit_factor is result.average_win is result.average_loss is None

    def test_one_point(self):
        """One point has a drawdown of zero, and no returns."""
        result = figures(100)

        assert result.max_drawdown == 0
        assert result.total_return is result.sharpe_ratio is result.sortino_ratio is result.exposure is None

    def test_two_points(self):
        """Two points have a return, but no deviation of returns."""
        result = figures(100, 90)

        assert result.total_return == -0.1
        assert result.sharpe_ratio is None
        assert result.sortino_ratio == close_to(-math.sqrt(252))

    @pytest.mark.parametrize("rate", [0.0, 0.05])
    @pytest.mark.parametrize("equities", [(100, 100, 100), (100, 110, 121, "133.1"), (81, 27, 9, 3, 1)])
    def test_constant_returns(self, equities, rate):
        """Returns that are all the same have no deviation to divide by, however they are rounded."""
        result = figures(*equities, risk_free_rate=rate)

        assert result.sharpe_ratio is None

    def test_no_falls(self):
        """Without a return below the risk-free rate there is no downside to divide by."""
        assert figures(100, 110, 130).sortino_ratio is None

    @pytest.mark.parametrize("equities", [(0, 10, 20), (-10, 10, 20)])
    def test_nothing_to_begin_with(self, equities):
        """There are no returns on an equity that is not above zero."""
        result = figures(*equities)

        assert result.total_return is result.sharpe_ratio is result.sortino_ratio is None
        assert result.max_drawdown == 0

    def test_never_above_zero(self):
        """There is no drawdown without a peak above zero."""
        assert figures(-10, 0, -20).max_drawdown is None

    def test_ruin_on_the_way(self):
        """When equity falls below zero and recovers, its returns are undefined, but not its drawdown."""
        result = figures(100, -50, 120, 110)

        assert result.sharpe_ratio is result.sortino_ratio is None
        assert result.max_drawdown == -1.5
        assert result.total_return == 0.1

    def test_ruin_at_the_end(self):
        """An equity of zero at the end is a loss of everything, and all is defined."""
        result = figures(100, 110, 0)

        assert (result.total_return, result.max_drawdown) == (-1, -1)
        assert result.sharpe_ratio < 0
        assert result.sortino_ratio < 0


class TestDrawdown:
    """The deepest fall."""

    def test_deepest(self):
        """Of several falls the deepest counts as a fraction of its own peak, not in money."""
        points = curve(100, 50, 200, 120, 300, 190)

        result = performance(new_session(), points, [])

        assert result.max_drawdown == -0.5
        assert (result.drawdown_peak_at, result.drawdown_trough_at) == (points[0].at, points[1].at)

    def test_times(self):
        """The peak is the last time that equity was this high, the trough the first time that it was this low."""
        points = curve(100, 100, 90, 80, 80, 100)

        result = performance(new_session(), points, [])

        assert (result.drawdown_peak_at, result.drawdown_trough_at) == (points[1].at, points[3].at)

    def test_never_fell(self):
        """A curve that only rises has a drawdown of zero, at no time."""
        result = figures(100, 100, 110)

        assert result.max_drawdown == 0
        assert result.drawdown_peak_at is result.drawdown_trough_at is None

    @given(equities=st.lists(st.integers(1, 1000), min_size=1, max_size=30))
    def test_every_pair(self, equities):
        """No later point is further below an earlier one than the maximum drawdown."""
        result = figures(*equities)

        falls = (later / earlier - 1 for place, earlier in enumerate(equities) for later in equities[place:])
        assert result.max_drawdown == pytest.approx(min(falls))


class TestRatios:
    """Sharpe and Sortino ratio."""

    @given(equities=st.lists(st.integers(100, 200), min_size=3, max_size=30))
    def test_sharpe(self, equities):
        """The Sharpe ratio is mean over sample deviation of the returns, scaled to the year."""
        returns = [Decimal(after) / before - 1 for before, after in pairwise(equities)]
        deviation = statistics.stdev(returns)

        result = figures(*equities, periods_per_year=12)

        if deviation > 1e-20:
            expected = float(statistics.mean(returns) / deviation) * math.sqrt(12)
            assert result.sharpe_ratio == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize(("yearly", "per_period"), [(0.21, 0.1), (-0.19, -0.1)])
    def test_risk_free_rate(self, yearly, per_period):
        """The yearly risk-free rate, even one below zero, is taken off as the rate that compounds to it."""
        result = figures(100, 99, 101, periods_per_year=2, risk_free_rate=yearly)

        mean = statistics.fmean([-0.01, 2 / 99]) - per_period
        assert result.sharpe_ratio == close_to(mean / statistics.stdev([-0.01, 2 / 99]) * math.sqrt(2))

    def test_target_of_the_downside(self):
        """For the Sortino ratio, returns are short of the risk-free rate, not of zero."""
        result = figures(100, 105, 105 * 1.2, periods_per_year=1, risk_free_rate=0.1)

        assert result.sortino_ratio == close_to(0.025 / math.sqrt(0.05**2 / 2))

    def test_amounts_below_one(self):
        """A curve has its figures however small the amounts are, as long as they are above zero."""
        result = figures("0.5", "0.55", "0.44", "0.462")

        assert result == figures(100, 110, 88, "92.4")
        assert result.total_return == close_to(-0.076)

    def test_far_amounts(self):
        """Amounts far beyond the reach of a float have the same ratios as any."""
        points = ("1E+900", "1.1E+900", "1.05E+900")

        result = figures(*points)

        assert result == figures(100, 110, 105)

    @pytest.mark.parametrize("periods", [0, -1, math.inf, math.nan])
    def test_periods(self, periods):
        """A year has more than no periods, and not infinitely many."""
        with pytest.raises(ValueError, match="periods_per_year must be above zero"):
            figures(100, 110, periods_per_year=periods)

    @pytest.mark.parametrize("rate", [-1, math.inf, math.nan])
    def test_rate(self, rate):
        """A risk-free rate cannot lose everything or more."""
        with pytest.raises(ValueError, match="risk_free_rate must be above -1"):
            figures(100, 110, risk_free_rate=rate)

    def test_context_of_the_caller(self, crossover):
        """The caller's decimal context has no influence."""
        with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
            result = crossover.performance(risk_free_rate=0.03)

        assert result == crossover.performance(risk_free_rate=0.03)


class TestExposure:
    """The share of periods with open positions."""

    def test_positions(self):
        """A period counts when its first point is worth more or less than its cash; the last point begins none."""
        flat, long, short = (EquityPoint(START, cash, 100) for cash in (100, 40, 160))

        result = performance(new_session(), [flat, long, short, flat, long], [])

        assert result.exposure == 0.5

    def test_one_pass(self):
        """Points and fills may come from iterators."""
        result = performance(new_session(), iter(curve(100, 110)), iter(traded(5)))

        assert (result.exposure, result.trades) == (1, 1)


class TestTrades:
    """The figures of closed trades."""

    def test_figures(self):
        """Winners and losers are counted and averaged apart."""
        result = of_trades(10, -5, 20, -10, 3)

        assert (result.trades, result.win_rate) == (5, 0.6)
        assert result.profit_factor == 2.2
        assert (result.average_win, result.average_loss) == (11, Decimal("-7.5"))

    def test_after_fees(self):
        """A trade whose gain its fees eat up is a loser."""
        result = of_trades(10, 1, fee=2)

        assert (result.win_rate, result.profit_factor) == (0.5, 8)
        assert (result.average_win, result.average_loss) == (8, -1)

    def test_even(self):
        """A trade that comes out at zero is a trade, but neither winner nor loser."""
        result = of_trades(0, 0, 5, -5)

        assert (result.trades, result.win_rate, result.profit_factor) == (4, 0.5, 1)

    def test_gains_of_less_than_one(self):
        """A winner of a few cents is a winner, and takes nothing off the losses."""
        result = of_trades("0.25", -1, "0.25")

        assert (result.average_win, result.average_loss) == (Decimal("0.25"), -1)
        assert result.profit_factor == 0.5

    def test_only_even(self):
        """Where no trade won or lost there is no win rate."""
        assert of_trades(0).win_rate is None

    def test_no_losers(self):
        """Without a loser there is no profit factor."""
        result = of_trades(5, 6)

        assert result.win_rate == 1
        assert result.profit_factor is result.average_loss is None

    def test_no_winners(self):
        """Losers alone have a profit factor of zero."""
        result = of_trades(-5)

        assert (result.win_rate, result.profit_factor) == (0, 0)
        assert result.average_win is None

    def test_average_of_thirds(self):
        """An average that has no end is rounded to 28 digits."""
        assert of_trades(1, 1, 2).average_win == Decimal("1." + 27 * "3")
