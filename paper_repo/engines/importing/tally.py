"""What an import compares with the figures of a file: trades matched first in first out, and sums over all fills."""

from __future__ import annotations

from decimal import Decimal

from paper_repo.domain import Fill, PaperTradingSession
from paper_repo.domain.lots import Holding, lot_of
from paper_repo.domain.trading import Side
from paper_repo.domain.values import EXACT

ZERO = Decimal(0)


class Tally:
    """Counts the trades of a session as its fills are booked; what is closed is forgotten."""

    def __init__(self, session: PaperTradingSession) -> None:
        self._session = session
        self._open: dict[str, Holding[Decimal]] = {}
        self._gains: dict[str, Decimal] = {}
        self.fills = 0
        self.turnover = ZERO
        """Of fills in the base currency."""
        self.round_trips = 0
        self.trades = self.won = self.lost = 0
        self.net_pnl = ZERO
        """Of round trips, after their fees."""
        self.pnl = ZERO

    def add(self, fill: Fill) -> None:
        """Count a fill that was booked."""
        self.fills += 1
        key = fill.position_id or fill.symbol
        holding = self._open.get(key)
        if holding is None:
            holding = self._open[key] = Holding.of(fill, self._session)
        lots, traded = holding.lots, lot_of(fill, holding, self._session)
        while traded.quantity and lots and lots[0].side is not traded.side:
            entry = lots[0]
            quantity = min(entry.quantity, traded.quantity)
            (paid, entry_fee), (received, exit_fee) = entry.take(quantity), traded.take(quantity)
            gain = EXACT.subtract(received, paid) if entry.side is Side.BUY else EXACT.subtract(paid, received)
            self._count(key, EXACT.multiply(gain, traded.rate), EXACT.add(entry_fee, exit_fee))
            if not entry.quantity:
                lots.popleft()
        if traded.quantity:
            if not lots:
                self._close(key)
            lots.append(traded)
        elif not lots:
            del self._open[key]
            self._close(key)

    def _count(self, key: str, gain: Decimal, fees: Decimal) -> None:
        self.round_trips += 1
        net = EXACT.subtract(gain, fees)
        self.pnl = EXACT.add(self.pnl, gain)
        self.net_pnl = EXACT.add(self.net_pnl, net)
        self._gains[key] = EXACT.add(self._gains.get(key, ZERO), net)

    def _close(self, key: str) -> None:
        net = self._gains.pop(key, None)
        if net is not None:
            self.trades += 1
            self.won += net > 0
            self.lost += net < 0
