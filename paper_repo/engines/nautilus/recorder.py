"""`SessionRecorder`, an actor that stores what a venue's account does."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from decimal import Decimal
from typing import Any

from nautilus_trader.common.actor import Actor
from nautilus_trader.common.config import ActorConfig
from nautilus_trader.model.currencies import Currency
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import Venue

from paper_repo import CashFlow, CashFlowKind, Fill, PaperTradingSession, Settlement, Strategy
from paper_repo.engines.broker_data import without_noise
from paper_repo.engines.nautilus.entities import fill, instrument, moment, order
from paper_repo.engines.recording import Recording

ZERO = Decimal(0)


class SessionRecorderConfig(ActorConfig, frozen=True):  # type: ignore[misc, call-arg]
    """What a `SessionRecorder` stores, and where.

    - `path`: of the database; `session_id`: under which the run is stored.
    - `venue`: whose account it is.
    - `bar_types`: every bar of the first one is an equity point; prices are taken from all of them.
    - `resume`: go on with a session of this id that is stored already, as after a crash.
    - `base_currency`: of an account in several currencies; that of the account, or else its first one.
    - `rates`: the price of one unit of the other currencies of the account, in the base currency.
    - `strategy`: its name in the session.
    - `durability`: "full" (the default) or "normal", as for `SessionRepository`.
    - `save_every`: after how many bars equity points are saved; fills and orders are saved at once.
    """

    path: str
    session_id: str
    venue: str
    bar_types: list[str] = []
    resume: bool = False
    base_currency: str | None = None
    rates: dict[str, str] = {}
    strategy: str = "nautilus"
    durability: str = "full"
    save_every: int = 1


class SessionRecorder(Actor):  # type: ignore[misc]
    """Stores fills, orders, positions and equity of a venue's account, and goes on where it was stopped.

    Positions are the engine's own, by their ids: one in each instrument and strategy in netting mode, any number in
    hedging mode. What the engine has rounded to cents is booked as a payment of kind OTHER, so that the session's cash
    is the account's; anything else that has changed the account is a warning in the log.

    After a crash start it with `resume=True`. A backtest begins from the beginning: what is stored is recognised by its
    ids and not booked twice, and a run that is another one is refused. Live, the session goes on with what comes.
    """

    def __init__(self, config: SessionRecorderConfig) -> None:
        super().__init__(config)
        self._recording: Recording | None = None
        self._prices: dict[str, Decimal] = {}
        self._bars = 0
        self._first_bar_type: Any = None
        self._is_done = False

    # What the engine calls

    def on_start(self) -> None:
        """Open the session as soon as the account is known, and listen."""
        self.msgbus.subscribe("events.order.*", self._on_order_event)
        for each in map(BarType.from_str, self.config.bar_types):
            self._first_bar_type = self._first_bar_type or each
            self.subscribe_bars(each)
        self._is_open()

    def on_bar(self, bar: Bar) -> None:
        """Take the price; a bar of the first type is an equity point."""
        self._prices[bar.bar_type.instrument_id.value] = bar.close.as_decimal()
        if not self._is_open():
            return
        at = moment(bar.ts_event)
        self._take_rate(bar, at)
        if bar.bar_type != self._first_bar_type:
            return
        self._follow_account(at, f"bar {bar.ts_event}")
        if self._opened.mark(self._prices, at):
            self._bars += 1
            if self._bars % self.config.save_every == 0:
                self._opened.save()

    def on_stop(self) -> None:
        """Save the rest, and close."""
        self.msgbus.unsubscribe("events.order.*", self._on_order_event)
        if self._recording is not None:
            if self._recording.is_behind:
                self.log.warning("This run has not reached the end of the stored one, so nothing of it was stored")
            self._recording.session.stop(moment(self.clock.timestamp_ns()))
            self._recording.save()
            self.on_dispose()

    def on_dispose(self) -> None:
        """Close the database."""
        self._is_done = True
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    # The session

    @property
    def _opened(self) -> Recording:
        assert self._recording is not None
        return self._recording

    @property
    def _account(self) -> Any:
        return self.portfolio.account(Venue(self.config.venue))

    def _is_open(self) -> bool:
        if self._recording is None and self._account is not None and not self._is_done:
            now = moment(self.clock.timestamp_ns())
            self._recording = Recording(
                self.config.path,
                self.config.session_id,
                lambda: self._new_session(now),
                resume=self.config.resume,
                durability=self.config.durability,
            )
            self._recording.start(now)
            if self._recording.is_resumed:
                self._say_what_is_not_restored()
            self._recording.save()
        return self._recording is not None

    def _new_session(self, now: datetime) -> PaperTradingSession:
        account = self._account
        held = {currency.code: money.as_decimal() for currency, money in account.balances_total().items()}
        base = self.config.base_currency or (account.base_currency and account.base_currency.code) or next(iter(held))
        return PaperTradingSession(
            id=self.config.session_id,
            name=self.config.session_id,
            strategy=Strategy(self.config.strategy),
            base_currency=base,
            initial_cash=held.pop(base, ZERO),
            opening_balances={name: amount for name, amount in held.items() if amount},
            rates=self.config.rates,
            created_at=now,
            metadata={"engine": "nautilus_trader", "venue": self.config.venue, "account": account.type.name},
        )

    def _say_what_is_not_restored(self) -> None:
        session = self._opened.session
        self.log.warning(
            f"Session {session.id!r} goes on after {self._opened.stored_until}, with {session.fill_count} fills and "
            f"{len(session.open_orders)} resting orders. A recorder cannot give back to the engine what it keeps "
            "itself: the state of strategies and indicators, and orders and positions at a simulated venue. Run a "
            "backtest from the beginning; live, use the engine's own cache database and reconciliation."
        )

    # Orders and fills

    def _on_order_event(self, event: Any) -> None:
        if event.instrument_id.venue.value != self.config.venue or not self._is_open():
            return
        theirs = self.cache.order(event.client_order_id)
        if theirs is None:
            return
        try:
            self._opened.order(order(theirs), getattr(event, "reason", None))
            if isinstance(event, OrderFilled):
                self._book(event)
            self._opened.save()
        except BaseException:
            self.on_dispose()  # what was saved last is right; nothing after it is
            raise

    def _book(self, event: OrderFilled) -> None:
        traded = self._instrument(event.instrument_id)
        executed = fill(event, traded.currency)
        executed = self._with_rates(executed, event, traded)
        for each in self._by_position(executed, event):
            self._opened.fill(each)
        self._follow_account(executed.executed_at, executed.id)

    def _take_rate(self, bar: Bar, at: datetime) -> None:
        """The price of a pair is the rate of a currency that is held, or in which something is."""
        theirs, session = self.cache.instrument(bar.bar_type.instrument_id), self._opened.session
        asset, quote, close = theirs.get_base_currency(), theirs.quote_currency.code, bar.close.as_decimal()
        if asset is None or self._opened.is_point_stored(at):
            return
        if quote == session.base_currency and asset.code in session.balances:
            session.update_rates({asset.code: close})
        elif asset.code == session.base_currency and quote in session.rates:
            session.update_rates({quote: 1 / close})

    def _instrument(self, instrument_id: Any) -> Any:
        session, symbol = self._opened.session, instrument_id.value
        if symbol not in session.instruments:
            theirs = self.cache.instrument(instrument_id)
            ours = instrument(theirs, is_margin_account=self._account.is_margin_account)
            session.instruments = {**session.instruments, symbol: ours}
            session.symbols = (*session.symbols, symbol)
        return session.instruments[symbol]

    def _by_position(self, executed: Fill, event: OrderFilled) -> list[Fill]:
        """The fill; in two where it closes a position and the engine has opened another one with the rest."""
        rest = next(filter(None, (self._rest(each, event) for each in self._open_positions(event))), None)
        if rest is None:
            return [executed]
        position_id, quantity, fee = rest
        return [
            dataclasses.replace(executed, quantity=executed.quantity - quantity, fee=executed.fee - fee),
            dataclasses.replace(
                executed, id=f"{executed.id} flipped", quantity=quantity, fee=fee, position_id=position_id
            ),
        ]

    def _open_positions(self, event: OrderFilled) -> list[Any]:
        return list(self.cache.positions_open(instrument_id=event.instrument_id))

    @staticmethod
    def _rest(position: Any, event: OrderFilled) -> tuple[str, Decimal, Decimal] | None:
        """What of a fill went into another position than it names: its id, and its part of quantity and commission."""
        part = position.events[-1]
        if part.trade_id != event.trade_id or position.id == event.position_id:
            return None
        fee = ZERO if part.commission is None else part.commission.as_decimal()
        return position.id.value, part.last_qty.as_decimal(), fee

    def _with_rates(self, executed: Fill, event: OrderFilled, traded: Any) -> Fill:
        """The fill with the engine's own rates, where it knows them."""
        rate = self._rate(traded.currency, event)
        fee_currency = executed.fee_currency
        fee_rate = None if fee_currency is None else self._rate(fee_currency, event)
        if fee_currency is not None and fee_currency == traded.settled_asset:
            fee_rate = None  # it is paid out of the position
        return dataclasses.replace(executed, rate=rate, fee_rate=fee_rate)

    def _rate(self, currency: str, event: OrderFilled) -> Decimal | None:
        base = self._opened.session.base_currency
        if currency == base:
            return None
        rate = self.cache.get_xrate(Venue(self.config.venue), Currency.from_str(currency), Currency.from_str(base))
        if rate:
            return without_noise(rate)
        pair = self.cache.instrument(event.instrument_id)
        asset = pair.get_base_currency()
        if asset is not None and asset.code == base and pair.quote_currency.code == currency:
            price: Decimal = event.last_px.as_decimal()
            return 1 / price
        return self._opened.session.rates.get(currency)

    # The account

    def _follow_account(self, at: datetime, reason: str) -> None:
        """Book what the engine has rounded or converted, so that the session's cash is the account's."""
        if self._opened.is_behind:
            return
        session, account = self._opened.session, self._account
        if account.base_currency is not None:
            self._convert(session, at, reason)
        for currency, money in account.balances_total().items():
            ours = session.cash if currency.code == session.base_currency else self._held(session, currency.code)
            difference = money.as_decimal() - ours
            smallest = Decimal(1).scaleb(-currency.precision)
            if abs(difference) * 2 >= smallest:
                self._book_difference(session, currency.code, difference, smallest, at, reason)

    def _held(self, session: PaperTradingSession, currency: str) -> Decimal:
        """What is held of a currency in the balances, and as the coins of CASH positions."""
        held = session.balances.get(currency, ZERO)
        for each in session.positions.values():
            traded = session.instruments.get(each.symbol)
            if each.settlement is Settlement.CASH and traded is not None and traded.settled_asset == currency:
                held += each.quantity
        return held

    def _convert(self, session: PaperTradingSession, at: datetime, reason: str) -> None:
        """An account in one currency has converted what it has earned in others."""
        for currency, amount in list(session.balances.items()):
            worth = (amount * session.rates[currency]).quantize(Decimal("1e-8"))
            sold = CashFlow(f"{reason} {currency} sold", CashFlowKind.OTHER, -amount, at, currency)
            session.apply_cash_flow(sold)
            session.apply_cash_flow(CashFlow(f"{reason} {currency} converted", CashFlowKind.OTHER, worth, at))

    def _book_difference(
        self, session: PaperTradingSession, currency: str, amount: Decimal, smallest: Decimal, at: datetime, reason: str
    ) -> None:
        if abs(amount) > 2 * smallest:
            self.log.warning(
                f"The account holds {amount} {currency} more than session {session.id!r} after {reason}: something "
                "other than fills has changed it, such as interest, funding or another strategy's run"
            )
            return
        details = {"reason": "rounded by the engine"}
        flow = CashFlow(f"{reason} {currency} rounded", CashFlowKind.OTHER, amount, at, currency, metadata=details)
        session.apply_cash_flow(flow)
