"""Instruments: in which currency a symbol trades, what one unit of it stands for, and how it is settled."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from paper_repo.domain import one_line
from paper_repo.domain.values import Amount, choice, identifier, json_object, optional_identifier, positive


class Settlement(StrEnum):
    """How a trade is paid: CASH (its whole value changes hands) or MARGIN (only the profit and the fee do)."""

    CASH = "CASH"
    MARGIN = "MARGIN"


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.instrument)
class Instrument:
    """What a symbol stands for, where it is more than one unit that is paid in the session's base currency.

    - `currency`: in which its price is, and its profit; None: the session's base currency.
    - `multiplier`: how many units of the underlying one contract stands for; the value of a trade is
      `quantity * price * multiplier`.
    - `settlement`: CASH for shares, coins and options, whose value is paid when they are bought. MARGIN for futures,
      CFDs, FX and linear perpetuals: buying takes only the fee, and a position is worth its unrealized P&L.
    - `asset`: the currency that it is a quantity of, as BTC of "BTC/USDT"; a fee in it is paid out of the position.
      None: what stands before the first "/" or "-" of the symbol. It means nothing for MARGIN.
    """

    symbol: str
    currency: str | None = None
    multiplier: Decimal = Decimal(1)
    settlement: Settlement = Settlement.CASH
    asset: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            symbol: str,
            currency: str | None = ...,
            multiplier: Amount = ...,
            settlement: Settlement | str = ...,
            asset: str | None = ...,
            metadata: dict[str, Any] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        _set(self, "symbol", identifier(self.symbol, "symbol"))
        _set(self, "currency", optional_identifier(self.currency, "currency"))
        _set(self, "multiplier", positive(self.multiplier, "multiplier"))
        _set(self, "settlement", choice(Settlement, self.settlement, "settlement"))
        _set(self, "asset", optional_identifier(self.asset, "asset"))
        json_object(self.metadata, "metadata")

    @property
    def settled_asset(self) -> str | None:
        """The currency that fees are paid out of the position in; None where there is none."""
        if self.settlement is Settlement.MARGIN:
            return None
        return self.asset or self.symbol.replace("-", "/").partition("/")[0]


_set = object.__setattr__
