"""`SessionRecorder`, a mixin for strategies of freqtrade."""

from __future__ import annotations

import functools
import logging
import weakref
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from freqtrade.enums import RunMode
from freqtrade.persistence import Trade

from paper_repo import Instrument, PaperTradingSession, SessionRepository, SessionStatus, Settlement, Strategy
from paper_repo.engines.broker_data import exact
from paper_repo.engines.freqtrade import entities
from paper_repo.engines.recording import Recording

logger = logging.getLogger(__name__)

RECORDED = (RunMode.LIVE, RunMode.DRY_RUN, RunMode.BACKTEST)
"""The modes in which something is recorded; hyperopt and others run a strategy many times at once."""


class SessionRecorder:
    """Stores the orders and fills of a strategy, and its equity at every loop of the bot.

    Put it before `IStrategy`, and say where in the class attribute `paper_repo`, or under that name in freqtrade's
    configuration:

    - `path`: of the database; `session_id`: under which the run is stored.
    - `resume`: go on with a session of this id that is stored already, as a bot does when it is started again.
    - `save_every`: after how many loops equity points are saved (1; 100 in a backtest); fills are saved at once.
    - `durability`: "full" (the default) or "normal", as for `SessionRepository`.

    `bot_start`, `bot_loop_start` and `order_filled` of your own need not call `super()`. freqtrade logs an error that
    one of them raises, and goes on; what was not recorded then is recorded in the next loop.

    Each trade is a position of its own. freqtrade's wallet books the fee of an entry when the trade is closed, the
    session when it was paid.
    """

    paper_repo: ClassVar[dict[str, Any]] = {}

    # Of IStrategy
    config: dict[str, Any]
    wallets: Any
    dp: Any
    timeframe: str

    _recording: Recording | None = None
    _loops = 0

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in ("bot_start", "bot_loop_start", "order_filled"):
            own = cls.__dict__.get(name)
            if own is not None:
                setattr(cls, name, _with_recording(own, getattr(SessionRecorder, f"_at_{name}")))

    # What freqtrade calls

    def bot_start(self, **kwargs: Any) -> None:
        """Refuse a session that is stored already, unless it is to go on."""
        self._at_bot_start(**kwargs)

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """Record what has become of the orders, and what everything is worth."""
        self._at_bot_loop_start(current_time=current_time, **kwargs)

    def order_filled(self, pair: str, trade: Any, order: Any, current_time: datetime, **kwargs: Any) -> None:
        """Record the fill."""
        self._at_order_filled(pair=pair, trade=trade, order=order, current_time=current_time, **kwargs)

    def ft_bot_cleanup(self) -> None:
        """Stop the session, save it and close the database."""
        if self._recording is not None:
            self._recording.session.stop()
            self._recording.save()
            self._recording.close()
            self._recording = None
        super().ft_bot_cleanup()  # type: ignore[misc]

    # What it does

    def _at_bot_start(self, **kwargs: Any) -> None:
        options = self._options
        if not self._is_recorded or options.get("resume"):
            return
        with SessionRepository(options["path"]) as repository:
            if repository.exists(options["session_id"]):
                raise ValueError(
                    f'session {options["session_id"]!r} is stored in {options["path"]} already: "resume": True goes '
                    "on with it, or choose another id"
                )

    def _at_bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        if not self._is_recorded:
            return
        recording = self._opened(current_time)
        self._close_removed(recording.session, self._follow(recording, self._trades(recording)), current_time)
        recording.mark(self._prices(recording.session), current_time)
        self._loops += 1
        every = self._options.get("save_every", 100 if self._is_backtest else 1)
        if recording.session.new_fills or self._loops % every == 0:
            recording.save()

    def _at_order_filled(self, trade: Any, current_time: datetime, **kwargs: Any) -> None:
        if self._is_recorded:
            recording = self._opened(current_time)
            self._follow(recording, [trade])
            recording.save()

    @property
    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = self.paper_repo or self.config.get("paper_repo") or {}
        missing = {"path", "session_id"} - options.keys()
        if missing:
            raise ValueError(f'paper_repo of the strategy, or of the configuration, lacks "{min(missing)}"')
        return options

    @property
    def _is_recorded(self) -> bool:
        return self.config.get("runmode") in RECORDED

    @property
    def _is_backtest(self) -> bool:
        return bool(self.config.get("runmode") == RunMode.BACKTEST)

    # The session

    def _opened(self, at: datetime) -> Recording:
        if self._recording is None:
            options = self._options
            recording = Recording(
                options["path"],
                options["session_id"],
                lambda: self._new_session(at),
                resume=True,  # bot_start has looked
                durability=options.get("durability", "full"),
            )
            weakref.finalize(self, _finish, recording, self._is_backtest)
            recording.start(at)
            if recording.is_resumed:
                _say_what_is_not_restored(recording, self._is_backtest)
            self._recording = recording
        return self._recording

    def _new_session(self, at: datetime) -> PaperTradingSession:
        config, is_live = self.config, self.config["runmode"] == RunMode.LIVE
        stake = config["stake_currency"]
        cash = self._cash_with_trades(stake) if is_live else _dry_cash(config, stake)
        return PaperTradingSession(
            id=self._options["session_id"],
            name=config.get("bot_name", ""),
            strategy=Strategy(type(self).__name__, parameters={"timeframe": self.timeframe}),
            base_currency=stake,
            initial_cash=cash,
            created_at=at,
            metadata={"engine": "freqtrade", "runmode": config["runmode"].value},
        )

    def _cash_with_trades(self, stake: str) -> Decimal:
        """What the account had before the trades that are open now, which are recorded first."""
        cash = exact(self.wallets.get_total(stake), f"balance of {stake}")
        if self.config.get("trading_mode") == "futures":
            return cash
        for trade in Trade.get_trades_proxy(is_open=True):
            for each in filter(None, (entities.fill(trade, order) for order in trade.orders)):
                cash += each.signed_quantity * each.price + (each.fee if each.fee_currency is None else 0)
        return cash

    def _trades(self, recording: Recording) -> list[Any]:
        """The trades that may have orders which are not recorded: at first all, then the open ones and their last."""
        if self._loops == 0 and self.config["runmode"] != RunMode.LIVE:
            return [*Trade.get_trades_proxy(is_open=False), *Trade.get_trades_proxy(is_open=True)]
        since = recording.session.updated_at or recording.session.created_at
        closed = [] if self._is_backtest else Trade.get_trades_proxy(close_date=since.replace(tzinfo=None))
        return [*closed, *Trade.get_trades_proxy(is_open=True)]

    def _follow(self, recording: Recording, trades: list[Any]) -> set[str]:
        """Record what has become of the orders of these trades, and return their ids."""
        orders = [(trade, order) for trade in trades for order in trade.orders]
        for trade, theirs in sorted(orders, key=lambda each: each[1].order_filled_utc or each[1].order_date_utc):
            self._know(recording.session, trade)
            placed = entities.order(trade, theirs)
            recording.place(placed)
            booked = entities.fill(trade, theirs)
            if booked is not None and recording.fill(booked):
                paid = entities.funding(trade, theirs)
                if paid is not None:
                    recording.session.apply_cash_flow(paid)
            recording.order(placed)
        self._sweep(recording, [trade for trade in trades if not trade.is_open])
        return {str(order.order_id) for _, order in orders}

    @staticmethod
    def _sweep(recording: Recording, closed: Iterable[Any]) -> None:
        """End the positions of trades that are closed but for dust."""
        for trade in closed:
            position = recording.session.positions.get(entities.position_id(trade))
            left = None if position is None else entities.dust(trade, position.quantity)
            if left is not None:
                recording.fill(left)

    def _close_removed(self, session: PaperTradingSession, known: set[str], at: datetime) -> None:
        """Cancel what a backtest has taken away because it was not filled in time."""
        for order_id in list(session.open_orders) if self._is_backtest else ():
            if order_id not in known:
                session.cancel_order(order_id, at)

    def _know(self, session: PaperTradingSession, trade: Any) -> None:
        if trade.pair in session.symbols:
            return
        session.symbols = (*session.symbols, trade.pair)
        if self.config.get("trading_mode") == "futures":
            traded = Instrument(trade.pair, settlement=Settlement.MARGIN)
            session.instruments = {**session.instruments, trade.pair: traded}

    def _prices(self, session: PaperTradingSession) -> dict[str, Decimal]:
        found = {}
        for pair in {each.symbol for each in session.positions.values()}:
            candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)
            if len(candles):
                found[pair] = exact(float(candles["close"].iloc[-1]), f"price of {pair}")
        return found


def _finish(recording: Recording, is_backtest: bool) -> None:
    """Close what a strategy has recorded when it goes: a backtest ends without a word."""
    if is_backtest and recording.session.status is SessionStatus.RUNNING:
        recording.session.stop(recording.last_moment)
        recording.save()
    recording.close()


def _with_recording(own: Callable[..., Any], record: Callable[..., Any]) -> Callable[..., Any]:
    """The strategy's own callback, after the recorder's."""

    @functools.wraps(own)
    def both(self: SessionRecorder, *args: Any, **kwargs: Any) -> Any:
        record(self, *args, **kwargs)
        return own(self, *args, **kwargs)

    return both


def _dry_cash(config: dict[str, Any], stake: str) -> Decimal:
    wallet = config["dry_run_wallet"]
    return exact(wallet.get(stake, 0) if isinstance(wallet, dict) else wallet, "dry_run_wallet")


def _say_what_is_not_restored(recording: Recording, is_backtest: bool) -> None:
    session = recording.session
    logger.warning(
        "Session %r goes on after %s, with %d fills and %d resting orders. What freqtrade keeps in its own database "
        "(open trades, stops, locks) and what a strategy keeps in memory is not restored from it%s.",
        session.id,
        recording.stored_until,
        session.fill_count,
        len(session.open_orders),
        "; this backtest begins from the beginning, and what is stored is not booked twice" if is_backtest else "",
    )
