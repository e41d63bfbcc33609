"""What the words in tables mean: sides, kinds of rows, states of orders, currencies of pairs."""

from __future__ import annotations

import re
from typing import NamedTuple

from paper_repo.domain.ledger import CashFlowKind

CLOSE = "CLOSE"
"""The side of a fill that closes what is open, whichever side that is: an expiry, an assignment."""


class Side(NamedTuple):
    """What a word says of a fill: its side, and whether it marks the opening of a short position."""

    side: str
    opens_short: bool = False


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_BUY = """
    buy b bot bto btc bought long kauf kaufen koop achat compra acheter purchase buytoopen buytoclose buytocover cover
    bid gekauft buylong longentry entrylong enterlong shortexit exitshort closeshort openlong
"""
_SELL = """
    sell s sld stc sold verkauf verkaufen verkoop vente venta vendre sale selltoclose ask verkauft selllong longexit
    exitlong closelong
"""
_SHORT = "short sto ss sellshort shortsell selltoopen shortsale shortentry entryshort entershort openshort"
SIDES = {
    **dict.fromkeys(_BUY.split(), Side("BUY")),
    **dict.fromkeys(_SELL.split(), Side("SELL")),
    **dict.fromkeys(_SHORT.split(), Side("SELL", opens_short=True)),
}
LONGS = frozenset(["long", "buy", "b", "bot", "bto", "bought", "kauf", "1", "longs", "entrylong"])
SHORTS = frozenset(["short", "sell", "s", "sld", "sto", "sold", "verkauf", "-1", "shorts", "entryshort"])
"""What a round trip's direction is called."""

OPENING = words("open opened entry enter in openposition new")
ENDING = words("close closed exit out closeposition exited liquidation stoploss takeprofit sl tp")
"""What stands beside a direction (long, short): whether the fill opens or ends it."""
DIRECTIONS = {"long": True, "short": False}
KINDS_OF_FILLS = words("trade execution executions fill filled adltrade bustrade delivery settle")
"""What a column of kinds calls a fill."""

OF_OPTIONS = words("sto stc bto btc oexp oasgn oexcs selltoopen selltoclose buytoopen buytoclose")
"""What only options are called: where the symbol is that of the underlying, the description names the contract."""

CLOSING = words(
    """
    ep expired expiry expiration oexp expire assignment assigned oasgn exercise exercised oexcs cashsettled
    cashsettlement settlement delivery optionexpiration optionassignment optionexercise
    """
)
FREE = words(
    """
    free freeshare freeshares freestock bonus rec received airdrop stockreward reward gift stockdividend
    """
)
_FLOWS = {
    CashFlowKind.DEPOSIT: "deposit deposits ach einzahlung storting cashdeposit fundsreceived ftf",
    CashFlowKind.WITHDRAWAL: "withdrawal withdraw auszahlung",
    CashFlowKind.DIVIDEND: "dividend dividends cdiv mdiv dividende",
    CashFlowKind.INTEREST: "interest int zinsen mint",
    CashFlowKind.TAX: "tax dtax withholdingtax steuer",
    CashFlowKind.FUNDING: "funding fundingfee",
    CashFlowKind.FEE: "fee fees gold dfee",
}
FLOWS = {name: kind for kind, names in _FLOWS.items() for name in names.split()}

DONE = words(
    """
    filled executed complete completed closed done partiallyfilled partialfill partial partfilled partiallyfill settled
    success successful traded ok cashsettled fullyfilled fill match matched confirmed finished trade ausgeführt
    ausgefuehrt
    """
)
NOT_DONE = words(
    """
    cancelled canceled cancel rejected reject open new pending submitted expired failed inactive accepted working
    triggered queued void error pendingnew pendingcancel cancelsubmitted invalid updatesubmitted partiallycanceled
    partiallycancelled storniert
    """
)

QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "TRY", "BTC", "ETH", "BNB", "CHF", "AUD")
_NOISE = re.compile(r"[\s_\-./]+")


def word(cell: str) -> str:
    """A cell without what makes no difference: case, blanks and signs between words."""
    return _NOISE.sub("", cell).casefold()


def side_of(cell: str) -> Side | None:
    """What a cell says of the side of a fill; None where it says nothing of it."""
    found = SIDES.get(word(cell))
    if found is not None:
        return found
    words = re.findall(r"[a-z]+", cell.casefold())
    for each in (words[-1:], words[:1], words[1:2]):
        if each and each[0] in ("buy", "bought", "sell", "sold"):
            return SIDES[each[0]]
    return None


def currencies_of(symbol: str) -> tuple[str | None, str | None]:
    """What a pair is a quantity of, and in what it is priced; None where its name does not tell."""
    name = symbol.partition(":")[0] if "/" in symbol else symbol
    for sign in ("/", "-", "_"):
        base, found, quote = name.partition(sign)
        if found and base and quote.isalnum() and quote.isupper() and quote.isascii() and 3 <= len(quote) <= 5:
            return base, quote
    if name.isalnum() and name.isupper():
        for quote in QUOTES:
            if name.endswith(quote) and len(name) >= len(quote) + 2:
                return name[: -len(quote)], quote
    return None, None
