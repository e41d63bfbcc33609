"""Headings of tables: which column holds which field, whatever it is called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

SPELLINGS: dict[str, tuple[str, ...]] = {
    "time": (
        "date(utc)", "utctime", "datetime", "datetime(utc)", "date/time", "exectime", "executiontime", "executedat",
        "filledat", "filltime", "orderexecutiontime", "tradetime", "tradedat", "transactiontime", "transacttime",
        "timestamp(ms)", "timestamp", "tradecreatedat", "createdat", "createtime", "time", "time(utc)",
        "datumuhrzeit", "datum/uhrzeit", "datum/zeit", "zeitpunkt", "zeitstempel", "ausführungszeit", "zeit",
        "openedat", "tradedate", "activitydate", "date", "datum", "handelsdatum", "handelstag", "schlusstag",
        "ausführungsdatum", "ausführungstag", "fecha", "fechaoperación", "data", "dato", "affärsdag", "handelsdag",
        "buchungsdatum", "buchungstag", "tsevent", "closedat",
        "at", "ts", "filledtime", "lastfilltime", "executeddate", "executiondate", "orderfilleddate", "rundate",
    ),
    "clock": (
        "uhrzeit", "zeit", "time", "tijd", "hora", "heure", "ora", "tid", "tradetime", "handelszeit", "ausführungszeit",
        "exectime", "executiontime", "ordertime", "timeofday",
    ),
    "symbol": (
        "symbol", "pair", "product", "productid", "market", "ticker", "instrumentid", "instrument", "contractname",
        "contract", "stock", "coin", "code", "security", "underlying", "symbolvalue", "asset", "isin", "produkt",
        "wertpapier", "crypto", "wkn", "wertpapierbezeichnung", "wertpapiername", "bezeichnung", "name",
    ),
    "side": (
        "side", "buy/sell", "buysell", "tradetype", "transcode", "transactiontype", "orderside", "action",
        "direction",
        "marketpos", "positiontype", "type", "event", "typ", "ordertype", "bs", "b/s", "positionside", "transaction",
        "operation", "art", "dir", "vorgang", "auftragsart", "geschäftsart", "umsatzart", "transaktion",
        "transaktionstyp", "buchungsart", "ordertyp",
    ),
    "quantity": (
        "qty", "quantity", "filledquantity", "filledqty", "executedqty", "executed", "execqty", "lastqty", "tradeqty",
        "noofshares", "shares", "filled", "fillquantity", "sz", "fillsz", "positionsize(qty)", "size",
        "sizeqty", "lotsize", "lots",
        "contracts", "units", "aantal", "menge", "stuck", "stück", "stücke", "anzahl", "nominale", "nominal", "vol",
        "volume", "amount",
        "quantitytransacted",
        "cantidad", "orderqty", "basequantity", "baseamount",
    ),
    "price": (
        "price", "tprice", "tradeprice", "avgfillprice", "averagefillprice", "fillprice", "price/share", "avgprice",
        "averageprice", "execprice", "lastpx", "fillpx", "px", "koers", "preis", "kurs", "ausführungskurs",
        "executionprice",
        "executedprice",
        "precio", "average", "avgpx", "rate", "prix", "priceperunit", "pricepershare", "spotpriceattransaction",
    ),
    "fee": (
        "transaktionsgebühren", "transaktionsgebühr", "ordergebühren",
        "fee", "fees", "comm/fee", "ibcommission", "commission", "commissions", "fees&comm",
        "fees&commissions", "comm",
        "execfee", "tradecost", "feepaid", "feeamount", "tradingfee", "transactionfee", "transactiekosten",
        "gebuehren",
        "gebühren", "gebühr", "kosten", "feesandcommissions", "fees&commission", "brokerage", "totalfee", "totalfees",
        "fillfee", "commissionamount", "commission&fees", "comision", "kommission", "provision",
    ),
    "tax": (
        "tax", "taxes", "withholdingtax", "stampduty", "steuer", "steuern", "quellensteuer", "kapitalertragsteuer",
        "kapitalertragssteuer", "kest", "abgeltungsteuer", "abgeltungssteuer", "solidaritätszuschlag", "soli",
        "kirchensteuer", "finanztransaktionssteuer", "impôt", "impuesto", "impuestos", "imposta", "skatt", "belasting",
    ),
    "fee_currency": (
        "feecurrency", "feetoken", "feecoin", "feeasset", "ibcommissioncurrency", "commissioncurrency",
        "commissionasset", "feeccy", "feeunit", "commissionccy",
    ),
    "currency": (
        "currency", "currencyprimary", "quotecurrency", "price/fee/totalunit", "ccy", "pricecurrency", "waehrung",
        "währung", "quoteasset", "valuta", "settlementcurrency",
    ),
    "id": (
        "tradeid", "txid", "tid", "execid", "ibexecid", "executionid", "fillid", "dealid", "deal", "transactionid",
        "transactid", "uuid", "exid",
    ),
    "order_id": (
        "ordertxid", "orderid", "iborderid", "ordernumber", "orderno", "venueorderid", "clientorderid",
        "order", "order#",
    ),
    "status": ("status", "state", "orderstatus", "ordstatus", "filledstatus"),
    "multiplier": ("multiplier", "contractsize", "contractmultiplier", "lotmultiplier", "pointvalue"),
    "total": (
        "gesamt", "kurswert", "summe", "gesamtbetrag",
        "total", "proceeds", "netcash", "cost", "amount", "tradevalue", "notional", "value", "tradetotal",
        "wert", "totalvalue", "turnover",
        "quoteqty", "quotequantity", "netamount", "betrag", "grossamount", "execvalue", "subtotal", "dealamount",
        "positionsize(value)", "quoteamount", "waarde",
    ),
    "pnl": (
        "netp&l", "pnl", "p&l", "profit", "realizedpnl", "realizedp/l", "realizedp&l", "fifopnlrealized",
        "profitabs", "realisedpnl",
        "profit/loss", "result", "gewinn/verlust",
        "netprofit", "netpnl", "pl", "p/l", "gewinn", "closedpnl", "grosspnl", "profitloss",
        "realizedprofit",
    ),
    "balance": ("balance", "saldo", "accountbalance", "runningbalance", "cashbalance", "cashafter"),
    "entry_time": (
        "entrytime", "opendate", "enteredat", "opentime", "entrydate", "entrydatetime", "entrytimestamp",
        "opentimestamp",
        "entryat", "boughttimestamp", "tsopened", "dateopened", "opened", "buytime", "buydate",
    ),
    "exit_time": (
        "exittime", "closedate", "exitedat", "closetime", "exitdate", "exitdatetime", "exittimestamp",
        "closetimestamp",
        "exitat", "soldtimestamp", "tsclosed", "dateclosed", "closed", "selltime", "selldate",
    ),
    "entry_price": (
        "entryprice", "openrate", "openprice", "avgpxopen", "avgentryprice", "buyprice", "entry", "pricein",
        "avgopenprice",
    ),
    "exit_price": (
        "exitprice", "closerate", "closeprice", "avgpxclose", "avgexitprice", "sellprice", "exit", "priceout",
        "avgcloseprice",
    ),
    "entry_fee": ("entryfee", "openfee", "entrycommission", "feeopencost", "buyfee"),
    "exit_fee": ("exitfee", "closefee", "exitcommission", "feeclosecost", "sellfee"),
    "entry_fee_rate": ("feeopen",),
    "exit_fee_rate": ("feeclose",),
    "is_short": ("isshort", "short"),
    "is_open": ("isopen",),
    "tag": ("tag", "entrytag", "entertag", "exitreason", "signal", "comment", "note", "notes", "reason", "strategy"),
    "description": ("description", "beschreibung", "contract", "optionsymbol"),
    "action": ("event", "action", "openclose", "open/close", "entry/exit", "type", "effect", "side", "kind", "status"),
    "kind": ("exectype", "levelofdetail", "recordtype"),
    "code": ("code", "codes", "notes/codes", "open/closeindicator"),
}  # fmt: skip
"""By field, the headings that were met, the surest first, as `folded` writes them."""
TIMES = ("time", "entry_time", "exit_time")
"""The fields whose day and time of day may be in two columns."""

_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_CURRENCY_BEHIND = re.compile(r"^(.+?)[\s_]*[(\[]?\b([A-Z]{3,5})[)\]]?$")
_NO_CURRENCY = frozenset({"UTC", "GMT", "QTY", "VALUE", "TIME", "DATE", "PRICE", "FEE", "FEES", "TYPE", "SIDE", "PNL"})


def folded(heading: str) -> str:
    """A heading without what makes no difference: case, byte order mark, blanks, `_` and `.`."""
    return re.sub(r"[\s_.\ufeff\u200b\"]+", "", unicodedata.normalize("NFC", heading)).casefold()


class Headings:
    """The headings of one table, and which columns may hold which field."""

    def __init__(self, cells: Sequence[str], mapping: Mapping[str, str] | None = None) -> None:
        self.names: list[str] = [cell.strip().lstrip("\ufeff").strip() for cell in cells]
        self._by_name: dict[str, int] = {}
        self.currencies: dict[int, str] = {}
        """By column, the currency that its heading ends with."""
        for index, name in enumerate(self.names):
            for spelling in self._spellings(index, name):
                self._by_name.setdefault(spelling, index)
        self.mapped: dict[str, int] = {}
        """By field, the column that the caller has named for it."""
        self.clocks: dict[str, int] = {}
        """By field, the column of the time of day, where the caller has named two for a time."""
        for field, column in (mapping or {}).items():
            self._map(field, column)

    def _spellings(self, index: int, name: str) -> list[str]:
        found = [folded(name)]
        plain = _PARENTHESES.sub("", name)
        if plain != name:
            found.append(folded(plain))
        if (match := _CURRENCY_BEHIND.match(name)) and match[2] not in _NO_CURRENCY:
            found.append(folded(match[1]))
            self.currencies[index] = match[2]
        return [each for each in found if each]

    def _map(self, field: str, column: str) -> None:
        if field in TIMES and "+" in column and column not in self.names:
            day, _, clock = column.partition("+")
            self.mapped[field], self.clocks[field] = self._mapped(day.strip()), self._mapped(clock.strip())
        else:
            self.mapped[field] = self._mapped(column)

    def _mapped(self, column: str) -> int:
        if column in self.names:
            return self.names.index(column)
        if folded(column) in self._by_name:
            return self._by_name[folded(column)]
        raise ValueError(f"there is no column {column!r}; there are: {', '.join(each for each in self.names if each)}")

    def candidates(self, field: str) -> list[int]:
        """The columns that may hold a field, the likeliest first."""
        if field in self.mapped:
            return [self.mapped[field]]
        taken = {*self.mapped.values(), *self.clocks.values()}
        found = (self._by_name.get(spelling) for spelling in SPELLINGS[field])
        return [index for index in dict.fromkeys(found) if index is not None and index not in taken]

    def column(self, field: str, *without: int | None) -> int | None:
        """The likeliest column for a field, but those that are taken."""
        return next((index for index in self.candidates(field) if index not in without), None)

    @property
    def fields(self) -> int:
        """How many of the main fields are there: whether this is a row of headings at all."""
        return sum(
            any(self.candidates(field) for field in fields)
            for fields in (
                ("time", "entry_time"),
                ("symbol",),
                ("side", "is_short"),
                ("quantity",),
                ("price", "entry_price"),
                ("fee", "total", "pnl"),
            )
        )
