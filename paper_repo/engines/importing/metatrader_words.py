"""The words of MetaTrader 5's reports in other languages than English, which are those of the terminal.

Only headings and sections are translated: "buy", "balance", "in" and the like are the same in every language, and so
are the columns and their order. Each word is one that public reports, or programs that read them, are known to have;
what is not here is not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence

from paper_repo.engines.importing.headings import folded

HEADINGS = ("Time", "Deal", "Symbol", "Type", "Direction", "Volume", "Price", "Order", "Commission", "Swap", "Profit",
            "Balance")  # fmt: skip
"""Those of every table of deals, in their order."""

LANGUAGES: dict[str, tuple[str, ...]] = {
    "German": ("Zeit", "Trade", "Symbol", "Typ", "Richtung", "Volumen", "Preis", "Auftrag", "Kommission", "Swap",
               "Gewinn", "Kontostand"),
    "Spanish": ("Fecha/Hora", "Transacción", "Símbolo", "Tipo", "Dirección", "Volumen", "Precio", "Orden", "Comisión",
                "Swap", "Beneficio", "Saldo"),
    "Portuguese": ("Horário", "Oferta", "Ativo", "Tipo", "Direção", "Volume", "Preço", "Ordem", "Comissão", "Swap",
                   "Lucro", "Saldo"),
    "Russian": ("Время", "Сделка", "Символ", "Тип", "Направление", "Объем", "Цена", "Ордер", "Комиссия", "Своп",
                "Прибыль", "Баланс"),
    "Chinese": ("时间", "成交", "交易品种", "类型", "趋势", "交易量", "价位", "订单", "手续费", "库存费",
                "盈利", "结余"),
    "Japanese": ("時間", "約定", "銘柄", "タイプ", "新規・決済", "数量", "価格", "注文", "手数料", "スワップ",
                 "損益", "残高"),
}  # fmt: skip

OTHERS: dict[str, tuple[str, ...]] = {
    "Time": ("Hora",),
    "Fee": ("Kosten", "Taxa", "费用"),
    "Volume": ("Объём",),
    "Balance": ("Balance",),
    "Comment": ("Kommentar", "Comentario", "Comentário", "Комментарий", "注释", "コメント"),
}
"""Further words for a heading."""

POSITIONS = frozenset(map(str.casefold, ("Positions", "Positionen", "Posiciones", "Posições", "Позиции", "持仓")))
"""The section with the positions that are closed."""

ACCOUNT = (
    "account",
    "currency",
    "konto",
    "cuenta",
    "conta",
    "счет",
    "счёт",
    "торговый счет",
    "торговый счёт",
    "账户",
    "口座",
)
"""What a line with the account's number, currency and kind begins with."""

_ENGLISH = {
    folded(word): folded(heading)
    for heading, word in (
        *((heading, word) for words in LANGUAGES.values() for heading, word in zip(HEADINGS, words, strict=True)),
        *((heading, word) for heading, words in OTHERS.items() for word in words),
    )
}
FEE_COLUMN = 9
"""Where newer terminals have the fee, between commission and swap."""


def english(row: Sequence[str]) -> list[str]:
    """The headings of a table by their English names, folded; a word that is not known as it is."""
    names = [_ENGLISH.get(folded(each), folded(each)) for each in row]
    around = names[FEE_COLUMN - 1 : FEE_COLUMN + 2]
    if len(around) == 3 and around[1] and (around[0], around[2]) == ("commission", "swap"):
        names[FEE_COLUMN] = "fee"  # nothing else stands there in any language
    return names
