"""What the words in tables mean: sides, kinds of rows, states of orders, currencies of pairs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias, get_args

from paper_repo.domain.ledger import CashFlowKind
from paper_repo.engines.importing.payment_words import FLOWS

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
    bid gekauft buylong longentry entrylong enterlong shortexit exitshort closeshort openlong wertpapierkauf sparplan
    sparplankauf sparplanausführung sparplanausfuehrung wiederanlage zeichnung acquisto köp köpt kjøp kjøpt køb kupno
"""
_SELL = """
    sell s sld stc sold verkauf verkaufen verkoop vente venta vendre sale selltoclose ask verkauft selllong longexit
    exitlong closelong wertpapierverkauf veräusserung vendita venda sälj sålt salg solgt sprzedaż
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
    return _NOISE.sub("", cell if cell.isascii() else unicodedata.normalize("NFC", cell)).casefold()


def side_of(cell: str) -> Side | None:
    """What a cell says of the side of a fill; None where it says nothing of it."""
    found = SIDES.get(word(cell))
    if found is not None:
        return found
    words = re.findall(r"[a-z]+", cell.casefold())
    for each in (words[-1:], words[:1], words[1:2]):
        if each and each[0] in ("buy", "bought", "sell", "sold", "kauf", "verkauf"):
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


NAMED_SIDES = {"buy": Side("BUY"), "sell": Side("SELL"), "short": Side("SELL", opens_short=True)}
Meaning: TypeAlias = Literal[
    "buy", "sell", "short", "deposit", "withdrawal", "dividend", "interest", "funding", "tax", "fee", "other", "skip"
]  # fmt: skip
"""What a caller may say that a word means; rows whose word is to be skipped are left out."""
MEANINGS: tuple[str, ...] = get_args(Meaning)


class Vocabulary:
    """What the words in a column of sides or kinds mean; those that the caller has named come first."""

    def __init__(self, named: Mapping[str, str]) -> None:
        self._named = {word(each): meaning for each, meaning in named.items()}
        self._spelled = {word(each): each for each in named}
        self._met = set[str]()

    def side_of(self, cell: str, kind: str) -> Side | None:
        """The side of a fill that a cell says, whose word is this one."""
        if (meaning := self._meaning(kind)) is not None:
            return NAMED_SIDES.get(meaning)
        return side_of(cell) if cell.strip() else None

    def is_free(self, kind: str) -> bool:
        """Whether it is a fill without a price: an expiry, an assignment, a gift."""
        return (kind in CLOSING or kind in FREE) and kind not in self._named

    def is_skipped(self, kind: str) -> bool:
        """Whether the caller wants such rows to be left out."""
        return self._meaning(kind) == "skip"

    def flow_of(self, kind: str) -> CashFlowKind | None:
        """The payment that a word says."""
        meaning = self._meaning(kind)
        if meaning is None:
            return FLOWS.get(kind)
        return CashFlowKind(meaning.upper()) if meaning in _PAYMENTS else None

    def is_short(self, kind: str) -> bool | None:
        """Whether a word says that a round trip was a short one; None where it says neither."""
        if (meaning := self._meaning(kind)) in NAMED_SIDES:
            return meaning != "buy"
        return kind in SHORTS if kind in SHORTS or kind in LONGS else None

    def _meaning(self, kind: str) -> str | None:
        """What the caller has said that a word means."""
        meaning = self._named.get(kind)
        if meaning is not None:
            self._met.add(kind)
        return meaning

    @property
    def notes(self) -> list[str]:
        """Which words the caller has named and the file does not have."""
        return [f"no row has the word {self._spelled[kind]!r}" for kind in self._named if kind not in self._met]

    def knows(self, cell: str) -> bool:
        """Whether a cell says what its row is."""
        kind = word(cell)
        return self.side_of(cell, kind) is not None or self.is_free(kind) or kind in self._named or kind in FLOWS


_PAYMENTS = frozenset(kind.lower() for kind in CashFlowKind)
