"""The figures of a session's performance, against their definitions and against quantstats."""

from __future__ import annotations

import csv
import decimal
import math
import statistics
import weakref
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from itertools import groupby, pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session as new_demo_session
from paper_repo.demo.strategy import trade_day
from paper_repo.domain import CashFlow, EquityPoint, Fill, Instrument, PaperTradingSession, Position, Side, Strategy
from paper_repo.domain.performance import performance
from paper_repo.domain.trades import trades

START = datetime(2024, 1, 2, tzinfo=UTC)


def new_session(cash=100_000):
    """A session that has done nothing yet."""
    return PaperTradingSession(strategy=Strategy("any"), initial_cash=cash, created_at=START - timedelta(days=1))


def curve(*equities):
    """One point a day, without cash."""
    return [EquityPoint(START + timedelta(days=number), 0, equity) for number, equity in enumerate(equities)]


def figures(*equities, **options):
    """The performance of a curve that begins with what the session began with, one point a day, without trades."""
    return performance(new_session(equities[0]), curve(*equities), [], **options)


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
def demo():
    """The demo's session at the end of its year."""
    session = new_demo_session()
    session.start()
    for day in trading_days():
        trade_day(session, day)
    return session


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
        return pd.Series([float(trade.net_pnl) for trade in trades(crossover.fills)])

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


class TestDemo:
    """On the demo's run: a strategy of which some orders are filled in parts."""

    def test_of_the_whole_session(self, demo):
        """The total return is what the books say, from the starting cash on."""
        result = performance(demo, demo.new_equity_points, demo.new_fills)

        assert result.total_return == close_to(float(demo.net_pnl / demo.initial_cash))

    def test_against_quantstats(self, demo, qs, pd):
        """The figures are those of quantstats on the closes of each day, the starting cash before them."""
        points = demo.new_equity_points
        closes = [demo.initial_cash, *(point.equity for point in points[points[0].equity == demo.initial_cash :])]
        equity = pd.Series([float(each) for each in closes], index=pd.date_range("2012-01-01", periods=len(closes)))
        gains = pd.Series([float(trade.net_pnl) for trade in trades(demo.new_fills)])

        result = performance(demo, points, demo.new_fills)

        assert result.sharpe_ratio == close_to(qs.sharpe(equity, periods=252))
        assert result.sortino_ratio == close_to(qs.sortino(equity, periods=252))
        assert result.max_drawdown == close_to(qs.max_drawdown(equity))
        assert result.win_rate == close_to(qs.win_rate(gains, prepare_returns=False))
        assert result.trades == len(gains) > 20

    def test_futures_against_quantstats(self, qs, pd):
        """The same rules on contracts that are settled by margin."""
        session = new_demo_session()
        session.instruments = {each: Instrument(each, multiplier=5, settlement="MARGIN") for each in session.symbols}
        session.start()
        for day in trading_days():
            trade_day(session, day)
        points = session.new_equity_points
        equity = pd.Series(
            [float(each.equity) for each in points], index=pd.date_range("2012-01-01", periods=len(points))
        )
        gains = pd.Series([float(trade.net_pnl) for trade in trades(session.new_fills, session)])

        result = performance(session, points, session.new_fills)

        assert result.total_return == close_to(float(session.net_pnl / session.initial_cash))
        assert result.sharpe_ratio == close_to(qs.sharpe(equity))
        assert result.max_drawdown == close_to(qs.max_drawdown(equity))
        assert result.profit_factor == close_to(qs.profit_factor(gains, prepare_returns=False))
        assert result.win_rate == close_to(qs.win_rate(gains, prepare_returns=False))

    def test_deposits_against_quantstats(self, qs, pd):
        """With deposits and withdrawals at some closes, the ratios are those of the days' gains without them."""
        session, returns, paid_in = new_demo_session(), [], {50: 200_000, 51: -1, 120: -300_000, 200: "12345.67"}
        session.start()
        flows = []
        for number, day in enumerate(trading_days()):
            before = session.equity
            trade_day(session, day)
            returns.append(float(session.equity / before - 1))
            if number in paid_in:
                flows.append(paid(day.closes_at, paid_in[number], str(number)))
                session.apply_cash_flow(flows[-1])
                session.mark({}, day.closes_at)
        daily = pd.Series(returns, index=pd.date_range("2012-01-01", periods=len(returns)))

        result = performance(session, session.new_equity_points, [*flows, *session.new_fills])

        assert result.sharpe_ratio == close_to(qs.sharpe(daily))
        assert result.sortino_ratio == close_to(qs.sortino(daily))
        assert result.total_return == close_to(qs.comp(daily))
        assert result.max_drawdown == close_to(qs.max_drawdown(daily))
        assert result.net_pnl == session.equity - session.initial_cash - session.net_deposits


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
        """One point that says what the session began with has a drawdown of zero, and no returns."""
        result = figures(100)

        assert result.max_drawdown == 0
        assert result.total_return is result.sharpe_ratio is result.sortino_ratio is result.exposure is None

    @pytest.mark.parametrize("equities", [(100, 90), (100, 90, 95)])
    def test_too_few_days(self, equities):
        """A session of one or two days has a return, but no ratio."""
        result = figures(*equities)

        assert result.total_return == close_to(equities[-1] / 100 - 1)
        assert result.sharpe_ratio is result.sortino_ratio is None

    def test_just_enough_days(self):
        """From three days on a session has its ratios."""
        result = figures(100, 90, 95, 94)

        assert None not in (result.sharpe_ratio, result.sortino_ratio)

    @pytest.mark.parametrize("rate", [0.0, 0.05])
    @pytest.mark.parametrize("equities", [(100, 100, 100, 100), (100, 110, 121, "133.1"), (81, 27, 9, 3, 1)])
    def test_constant_returns(self, equities, rate):
        """Returns that are all the same have no deviation to divide by, however they are rounded."""
        result = figures(*equities, risk_free_rate=rate)

        assert result.sharpe_ratio is None

    def test_rounding_of_floats(self):
        """Returns that would be the same, had the equity not been kept as a float, have no deviation either."""
        growing = figures(*(100_000 * 1.001**day for day in range(60)))
        at_the_rate = figures(*(100_000 * 1.03 ** (day / 252) for day in range(60)), risk_free_rate=0.03)

        assert growing.sharpe_ratio is growing.sortino_ratio is None
        assert at_the_rate.sharpe_ratio is at_the_rate.sortino_ratio is None

    def test_no_falls(self):
        """Without a return below the risk-free rate there is no downside to divide by."""
        result = figures(100, 110, 130, 140)

        assert result.sharpe_ratio > 0
        assert result.sortino_ratio is None

    @pytest.mark.parametrize("equities", [(0, 10, 20, 30), (-10, 10, 20, 30)])
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
        result = figures(100, 110, 100, 0)

        assert (result.total_return, result.max_drawdown) == (-1, -1)
        assert result.sharpe_ratio < 0
        assert result.sortino_ratio < 0


class TestDrawdown:
    """The deepest fall."""

    def test_deepest(self):
        """Of several falls the deepest counts as a fraction of its own peak, not in money."""
        points = curve(100, 50, 200, 120, 300, 190)

        result = performance(new_session(100), points, [])

        assert result.max_drawdown == -0.5
        assert (result.drawdown_peak_at, result.drawdown_trough_at) == (points[0].at, points[1].at)

    def test_times(self):
        """The peak is the last time that equity was this high, the trough the first time that it was this low."""
        points = curve(100, 100, 90, 80, 80, 100)

        result = performance(new_session(100), points, [])

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

    @given(equities=st.lists(st.integers(100, 200), min_size=4, max_size=30))
    def test_sharpe(self, equities):
        """The Sharpe ratio is mean over sample deviation of the returns, scaled to the year."""
        returns = [Decimal(after) / before - 1 for before, after in pairwise(equities)]
        deviation = statistics.stdev(returns)

        result = figures(*equities, periods_per_year=12)

        if deviation > 1e-12:
            expected = float(statistics.mean(returns) / deviation) * math.sqrt(12)
            assert result.sharpe_ratio == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize(("yearly", "per_period"), [(0.21, 0.1), (-0.19, -0.1)])
    def test_risk_free_rate(self, yearly, per_period):
        """The yearly risk-free rate, even one below zero, is taken off as the rate that compounds to it."""
        result = figures(100, 99, 101, 202, periods_per_year=2, risk_free_rate=yearly)

        returns = [-0.01, 2 / 99, 1.0]
        mean = statistics.fmean(returns) - per_period
        assert result.sharpe_ratio == close_to(mean / statistics.stdev(returns) * math.sqrt(2))

    def test_target_of_the_downside(self):
        """For the Sortino ratio, returns are short of the risk-free rate, not of zero."""
        result = figures(100, 105, 126, "138.6", periods_per_year=1, risk_free_rate=0.1)

        assert result.sortino_ratio == close_to(0.05 / 3 / math.sqrt(0.05**2 / 3))

    def test_amounts_below_one(self):
        """A curve has its figures however small the amounts are, as long as they are above zero."""
        result = figures("0.5", "0.55", "0.44", "0.462")

        assert result == figures(100, 110, 88, "92.4")
        assert result.total_return == close_to(-0.076)

    def test_far_amounts(self):
        """Amounts far beyond the reach of a float have the same ratios as any."""
        result = figures("1E+900", "1.1E+900", "1.05E+900", "1.07E+900")

        assert result == figures(100, 110, 105, 107)

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
        points = [
            EquityPoint(each.at, cash, 100)
            for each, cash in zip(curve(1, 1, 1, 1, 1), (100, 40, 160, 100, 40), strict=True)
        ]

        result = performance(new_session(), points, [])

        assert result.exposure == 0.5

    def test_without_cash(self):
        """Where one point has no cash, nobody knows."""
        points = curve(100, 110, 120)

        result = performance(new_session(100), [*points[:2], EquityPoint(points[2].at, None, 120)], [])

        assert result.exposure is None
        assert result.total_return == close_to(0.2)

    def test_one_pass(self):
        """Points and fills may come from iterators."""
        result = performance(new_session(), iter(curve(100, 110)), iter(traded(5)))

        assert (result.exposure, result.trades) == (1, 1)


class TestStart:
    """A session's performance begins with what it began with."""

    def test_a_loss_before_the_first_point(self):
        """What was lost before the first point is part of the return, the drawdown and the first day."""
        result = performance(new_session(100), curve(50, 60, 90, 80), [])

        assert result.total_return == close_to(-0.2)
        assert (result.max_drawdown, result.drawdown_peak_at) == (-0.5, START - timedelta(days=1))
        assert result.sharpe_ratio == figures(100, 50, 60, 90, 80).sharpe_ratio

    def test_one_point(self):
        """One point is enough for a return."""
        result = performance(new_session(100), curve(90), [])

        assert (result.total_return, result.max_drawdown) == (close_to(-0.1), close_to(-0.1))

    def test_what_was_held(self):
        """What was held when it began is part of what it began with: 40 and 3 x 20 become 50."""
        held = {"A": Position("A", 3, 60, 20, START)}
        session = PaperTradingSession(strategy=Strategy("any"), initial_cash=40, opening_positions=held)

        assert performance(session, curve(50), []).total_return == close_to(-0.5)
        assert performance(session, curve(100, 50, 60), []).total_return == close_to(-0.4)

    def test_began_when_it_was_started(self):
        """What it began with stands at the time when it was started, which is never after the first point."""
        session = new_session(100)
        session.start(START - timedelta(hours=2))
        late = new_session(100)
        late.start(START + timedelta(days=9))

        assert performance(session, curve(90), []).drawdown_peak_at == START - timedelta(hours=2)
        assert performance(late, curve(90), []).drawdown_peak_at == START


class TestOrder:
    """Points are read by time."""

    @given(order=st.permutations(range(6)))
    def test_any_order(self, order):
        """The same points in another order are the same curve."""
        points = curve(100, 120, 60, 90, 150, 140)

        result = performance(new_session(100), [points[place] for place in order], [])

        assert result == performance(new_session(100), points, [])
        assert result.drawdown_peak_at < result.drawdown_trough_at

    def test_one_moment(self):
        """Points of one moment stay in the order in which they were recorded."""
        points = [EquityPoint(START, 0, each) for each in (100, 80, 90)]

        result = performance(new_session(100), points, [])

        assert (result.total_return, result.max_drawdown) == (close_to(-0.1), close_to(-0.2))

    @given(equities=st.lists(st.integers(1, 200), max_size=20), begin=st.integers(1, 200))
    def test_in_order(self, equities, begin):
        """Points that come by time need not be kept: read one by one, they give the same figures."""
        flows = [paid(START + timedelta(days=day), amount) for day, amount in ((1, 9), (3, -4), (3, 2))]

        streamed = performance(new_session(begin), iter(curve(*equities)), iter(flows), in_order=True)

        assert streamed == performance(new_session(begin), curve(*equities), flows)

    def test_in_order_at_one_moment(self):
        """Points of one moment are in order, too."""
        points = [EquityPoint(START, 0, each) for each in (100, 80, 90)]

        assert performance(new_session(100), points, [], in_order=True).max_drawdown == close_to(-0.2)

    def test_not_kept(self):
        """Of points that come by time, few are alive at a time."""
        alive, most = weakref.WeakSet(), 0

        class Point(SimpleNamespace):
            __hash__ = object.__hash__

        def points():
            nonlocal most
            for day in range(500):
                point = Point(at=START + timedelta(days=day), cash=Decimal(0), equity=Decimal(100 + day % 7))
                alive.add(point)
                most = max(most, len(alive))
                yield point

        performance(new_session(100), points(), [], in_order=True)

        assert most < 10

    def test_not_in_order(self):
        """Whoever promises an order that is not there is told."""
        with pytest.raises(ValueError, match="the equity curve is not in order: a point at 2024-01-03"):
            performance(new_session(100), reversed(curve(100, 110)), [], in_order=True)


class TestResampling:
    """Which returns the ratios are of."""

    # By hand: closes 100 -> 103 -> 101 -> 104 -> 102, so returns of 3/100, -2/103, 3/101 and -2/104.
    SHEET = (0.03, -2 / 103, 3 / 101, -2 / 104)
    INTRADAY = (
        (0, 9, 100), (0, 12, 97), (0, 23, 103), (1, 0, 102), (1, 20, 101), (2, 1, 90), (2, 2, 104), (3, 5, 102),
    )  # fmt: skip

    def intraday(self, **options):
        points = [EquityPoint(START + timedelta(days=d, hours=h), 0, equity) for d, h, equity in self.INTRADAY]
        return performance(new_session(100), points, [], **options)

    def test_daily_closes(self):
        """However many points a day has, the ratios are of its last one, by UTC, against the hand-made sheet."""
        result = self.intraday()

        mean, downside = statistics.fmean(self.SHEET), math.sqrt(((2 / 103) ** 2 + (2 / 104) ** 2) / 4)
        assert result.sharpe_ratio == close_to(mean / statistics.stdev(self.SHEET) * math.sqrt(252))
        assert result.sortino_ratio == close_to(mean / downside * math.sqrt(252))

    def test_drawdown_of_all_points(self):
        """The drawdown is that of every point: from 103 to 90."""
        assert self.intraday().max_drawdown == close_to(-13 / 103)

    def test_more_points_change_nothing(self):
        """A day that is marked every minute has the ratios of one that is marked once."""
        often = [
            EquityPoint(each.at + timedelta(minutes=700 - minute), 0, each.equity + (-1) ** minute * minute % 7)
            for each in curve(100, 103, 101, 104, 102)[1:]
            for minute in range(600, -1, -1)
        ]

        result = performance(new_session(100), often, [])

        assert result.sharpe_ratio == close_to(figures(100, 103, 101, 104, 102).sharpe_ratio)

    def test_one_day(self):
        """A session of one day has no ratio, however many points it has."""
        points = [EquityPoint(START + timedelta(minutes=each), 0, 100 + each % 5) for each in range(300)]

        result = performance(new_session(100), points, [])

        assert result.sharpe_ratio is result.sortino_ratio is None

    def test_every_point(self):
        """Who wants returns from point to point says how many points a year has."""
        result = self.intraday(resample=None, periods_per_year=2000)

        equities = [equity for *_, equity in self.INTRADAY]
        returns = [after / before - 1 for before, after in pairwise(equities)]
        expected = statistics.fmean(returns) / statistics.stdev(returns) * math.sqrt(2000)
        assert result.sharpe_ratio == close_to(expected)

    @pytest.mark.parametrize(("resample", "days", "periods"), [("week", 7, 52), ("month", 31, 12)])
    def test_longer_periods(self, resample, days, periods):
        """Weekly and monthly closes are scaled by the weeks and months of a year."""
        points = [
            EquityPoint(each.at + (each.at - START) * (days - 1), 0, each.equity)
            for each in curve(100, 103, 99, 101, 102)
        ]

        result = performance(new_session(100), points, [], resample=resample)

        assert result.sharpe_ratio == close_to(figures(100, 103, 99, 101, 102, periods_per_year=periods).sharpe_ratio)

    def test_closes_of_a_month(self):
        """Of two points in a week or month the later one counts."""
        points = curve(100, *range(101, 130))

        assert performance(new_session(100), points, [], resample="month").sharpe_ratio is None
        assert performance(new_session(100), points, [], resample="week").sharpe_ratio > 0

    @pytest.mark.parametrize("resample", ["week", "month"])
    def test_the_same_month_of_another_year(self, resample):
        """The same week or month of another year is another one."""
        points = [
            EquityPoint(START.replace(year=2024 + each.at.day), 0, each.equity) for each in curve(100, 110, 99, 120)
        ]

        assert performance(new_session(100), points, [], resample=resample).sharpe_ratio is not None

    def test_refused(self):
        """A period there is not, and points whose number in a year nobody has said."""
        with pytest.raises(ValueError, match="resample is 'day', 'week', 'month' or None"):
            figures(100, 110, resample="hour")
        with pytest.raises(ValueError, match="resample=None needs periods_per_year"):
            figures(100, 110, resample=None)


def paid(at, amount, label="any"):
    """A deposit, or below zero a withdrawal."""
    return CashFlow(label, "DEPOSIT" if Decimal(amount) > 0 else "WITHDRAWAL", amount, at)


def at_hour(hour):
    """So many hours after the start."""
    return START + timedelta(hours=hour)


class TestFlows:
    """Deposits and withdrawals are no gain or loss; against sheets made by hand."""

    def of(self, points, *flows, cash=1000):
        points = [EquityPoint(at_hour(hour), 0, equity) for hour, equity in points]
        return performance(new_session(cash), points, [paid(at_hour(hour), amount) for hour, amount in flows])

    def test_a_deposit(self):
        """1000 become 1100 (10 %), 900 are paid in, 2000 become 1900 (-5 %): 1.1 x 0.95 - 1 is 4.5 %."""
        result = self.of([(0, 1000), (1, 1100), (2, 2000), (3, 1900)], (2, 900))

        assert result.total_return == close_to(0.045)
        assert result.max_drawdown == close_to(-0.05)
        assert (result.drawdown_peak_at, result.drawdown_trough_at) == (at_hour(2), at_hour(3))

    def test_other_cash_flows(self):
        """A dividend is a gain, and a fee a loss: neither is a deposit."""
        points = [EquityPoint(at_hour(hour), 0, equity) for hour, equity in ((0, 1000), (1, 1050), (2, 1029))]
        flows = [CashFlow("1", "DIVIDEND", 50, at_hour(1)), CashFlow("2", "FEE", -21, at_hour(2))]

        result = performance(new_session(1000), points, flows)

        assert (result.total_return, result.max_drawdown) == (close_to(0.029), close_to(-0.02))

    def test_of_another_currency(self):
        """A deposit counts at the rate that it notes, 1000 + 100 x 1.5; one without a rate, at the session's."""
        points = [EquityPoint(at_hour(hour), 0, equity) for hour, equity in ((0, 1000), (1, 1150))]
        session = new_session(1000)
        session.update_rates({"EUR": "1.25"})

        booked = CashFlow("1", "DEPOSIT", 100, at_hour(1), "EUR", rate="1.5")
        given = CashFlow("1", "DEPOSIT", 100, at_hour(1), "EUR")

        assert performance(session, points, [booked]).total_return == 0
        assert performance(session, points, [given]).total_return == close_to(25 / 1000)

    def test_a_withdrawal(self):
        """A withdrawal is no drawdown: 1000, of which 600 are taken out, 400 become 440."""
        result = self.of([(0, 1000), (1, 400), (2, 440)], (1, -600))

        assert (result.total_return, result.max_drawdown) == (close_to(0.1), 0)

    def test_between_two_points(self):
        """Half-way between the points: 1000 + 500 become 1600, a gain of 100 on 1000 + 500 / 2."""
        result = self.of([(0, 1000), (2, 1600)], (1, 500))

        assert result.total_return == close_to(100 / 1250)

    def test_just_after_a_point(self):
        """What came at the start of a period was there for all of it, in what order flows are given does not matter."""
        result = self.of([(0, 1000), (1, 1000), (3, 1650)], (2, 100), (1.0000001, 400))

        assert result.total_return == pytest.approx(150 / 1450, rel=1e-6)

    def test_before_and_after(self):
        """Of several points at the moment of a deposit the last one counts."""
        twice = self.of([(0, 1000), (1, 1100), (1, 2000), (2, 1900)], (1, 900))
        thrice = self.of([(0, 1000), (1, 2000), (1, 2000), (1, 2000), (2, 1900)], (1, 900))

        assert twice.total_return == thrice.total_return == close_to(1.1 * 0.95 - 1)
        assert thrice.max_drawdown == close_to(-0.05)

    def test_points_of_another_moment(self):
        """Points of one moment all count where the deposit came earlier."""
        result = self.of([(0, 1000), (2, 1500), (2, 750), (2, 1500)], (1, 500))

        assert result.max_drawdown == close_to(-0.5)

    def test_nothing_left_to_gain_with(self):
        """A gain on an account that was emptied has no rate."""
        assert self.of([(0, 1000), (1, 5)], (-1, -1000)).total_return is None

    def test_no_time_between(self):
        """What was paid in while no time passed was not there for any of it: 1000 and 500 are 1600 at once."""
        session = PaperTradingSession(strategy=Strategy("any"), initial_cash=1000, created_at=at_hour(99))

        result = performance(session, [EquityPoint(START, 0, 1600)], [paid(START, 500)])

        assert result.total_return == close_to(0.1)

    def test_before_the_first_point(self):
        """A deposit before the first point is none of what the session began with."""
        result = self.of([(2, 1650), (3, 1650)], (-99, 500))

        assert result.total_return == close_to(0.1)

    def test_from_nothing(self):
        """A session that begins with nothing starts with its first deposit."""
        result = self.of([(0, 0), (1, 100), (2, 110)], (1, 100), cash=0)

        assert result.total_return == close_to(0.1)

    def test_emptied_and_filled_again(self):
        """An account that was emptied goes on with the next deposit: 1.1 x 1.2 - 1 is 32 %."""
        result = self.of([(0, 1000), (1, 1100), (2, 0), (3, 0), (4, 120)], (2, -1100), (4, 100))

        assert result.total_return == close_to(0.32)

    def test_out_of_ruin(self):
        """What is paid into an account that owes more has no rate of growth; that it has fallen is known."""
        result = self.of([(0, 1000), (1, -500), (2, -300), (3, 100)], (2, 100))

        assert result.total_return is result.sharpe_ratio is None
        assert result.max_drawdown == close_to(-1.5)

    def test_after_the_last_point(self):
        """A deposit after the last point changes nothing."""
        assert self.of([(0, 1000), (1, 1100)], (2, 900)).total_return == close_to(0.1)

    def test_daily_returns(self):
        """The ratios are of the growth, too: as if the deposit had never come."""
        points = curve(100, 110, 99, 108.9, 105)
        doubled = [
            EquityPoint(each.at, 0, each.equity * 2 if place > 1 else each.equity) for place, each in enumerate(points)
        ]

        result = performance(new_session(100), doubled, [paid(points[2].at, 99)])

        expected = performance(new_session(100), points, [])
        assert result.sharpe_ratio == close_to(expected.sharpe_ratio)
        assert result.sortino_ratio == close_to(expected.sortino_ratio)
        assert result.total_return == close_to(expected.total_return)


class TestBeginningWithNothing:
    """A session without cash at first, as an account that is imported, starts when money is first paid in."""

    def test_its_figures_are_those_of_one_that_began_with_the_money(self):
        """Whether its curve begins before the deposit or with it."""
        paid = CashFlow("1", "DEPOSIT", 1000, at_hour(1))
        later = [EquityPoint(at_hour(hour), None, equity) for hour, equity in ((1, 1000), (26, 900), (50, 1200))]
        whole = performance(new_session(cash=1000), later, [])
        nothing = new_session(cash=0)

        for curve in (later, [EquityPoint(at_hour(0), None, 0), *later], [EquityPoint(at_hour(1), None, 0), *later]):
            found = performance(nothing, curve, [paid])
            assert [found.total_return, found.max_drawdown, found.sharpe_ratio] == [
                pytest.approx(0.2),
                pytest.approx(-0.1),
                pytest.approx(whole.sharpe_ratio),
            ]

    def test_a_point_that_is_later_than_the_deposit_counts_from_it(self):
        """What has been gained since is a gain on all of it; further money is weighted as ever."""
        flows = [CashFlow("1", "DEPOSIT", 600, at_hour(1)), CashFlow("2", "DEPOSIT", 400, at_hour(1))]
        flows.append(CashFlow("3", "DEPOSIT", 1000, at_hour(20)))
        curve = [EquityPoint(at_hour(10), None, 1100), EquityPoint(at_hour(20), None, 2100)]

        assert performance(new_session(cash=0), curve, flows).total_return == pytest.approx(0.1)

    def test_without_a_deposit_there_is_no_return(self):
        """Nor where the first thing that happens is a withdrawal."""
        curve = [EquityPoint(at_hour(1), None, -5), EquityPoint(at_hour(2), None, 5)]

        for flows in ([], [CashFlow("1", "WITHDRAWAL", -5, at_hour(1))]):
            assert performance(new_session(cash=0), curve, flows).total_return is None


class TestTrades:
    """The figures of closed trades."""

    def test_slices(self):
        """An entry that was filled in fifty slices is one trade, won or lost once."""
        entry = [Fill("in", "A", Side.BUY, 1, 100 + each) for each in range(50)]

        result = performance(new_session(), [], [*entry, Fill("out", "A", Side.SELL, 50, 110), *traded(5)])

        assert (result.trades, result.win_rate) == (2, 0.5)

    def test_opening_positions(self):
        """A position held before the first fill is known."""
        held = {"A": Position("A", 10, 1000, 100, START)}
        session = PaperTradingSession(strategy=Strategy("any"), initial_cash=0, opening_positions=held)

        result = performance(session, [], [Fill("out", "A", Side.SELL, 10, 103)])

        assert (result.trades, result.average_win) == (1, 30)

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
