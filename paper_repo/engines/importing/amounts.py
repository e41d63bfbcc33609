"""Numbers as files write them: which sign is the decimal one is decided for a whole file, never for a single cell."""

from __future__ import annotations

import re
from typing import NamedTuple

from paper_repo.engines.importing.records import DecimalSign
from paper_repo.errors import SourceFileError

NOTHING = frozenset({"", "-", "--", "---", "–", "—", "n/a", "na", "nan", "nat", "none", "null", "∞"})
"""What stands in a cell that has no number; in any case."""

PLAIN = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?").fullmatch
_CURRENCY_SIGNS = "$€£¥₹₿₽₩₺"
_BLANKS = str.maketrans("", "", " \t\u00a0\u2009\u202f'’")
_SHAPE = str.maketrans("012345678", "999999999")
_NUMBER = re.compile(r"[0-9][0-9.,' \u00a0\u2009\u202f’]*")
_EXACT = re.compile(r"[0-9]{1,1000}(?:\.[0-9]{0,1000})?|\.[0-9]{1,1000}")
_EXPONENT = re.compile(r"([0-9]+(?:[.,][0-9]*)?)[eE]([+-]?[0-9]{1,6})")
_CODE_BEFORE = re.compile(r"^[A-Z]{3,5}\s*(?=[-+(.0-9])")
_CODE_AFTER = re.compile(r"(?<=[0-9.)\s])\s*([A-Za-z][A-Za-z0-9]{1,11})$")


def is_zero(text: str) -> bool:
    """Whether a plain number is zero."""
    return not text.partition("E")[0].strip("-0.")


class Number(NamedTuple):
    """A number as plain text (`-1234.5`), and the unit that was glued to it."""

    text: str
    unit: str | None = None


class NumberEvidence:
    """What the numbers of a file tell about the sign that separates their decimals."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._proof: dict[str, tuple[str, int]] = {}
        self._open: dict[str, tuple[str, int]] = {}
        """By sign, a number with three digits after it, which proves nothing."""

    def add(self, cell: str, row: int) -> None:
        """Look at the number in a cell."""
        shape = cell.translate(_SHAPE)
        if cell[:1] == "0" or cell[:2] == "-0":
            shape += "0"  # after a zero stands a decimal sign
        if shape in self._seen:
            return
        self._seen.add(shape)
        if len(self._seen) > 50_000:
            self._seen.clear()
        match = _NUMBER.search(cell)
        if match is None or "e" in cell or ("E" in cell and _EXPONENT.search(cell)):
            return
        number = match[0].rstrip(".,' \u00a0\u2009\u202f’").translate(_BLANKS)
        sign, is_proof = _decimal_sign_of(number)
        if sign:
            (self._proof if is_proof else self._open).setdefault(sign, (cell, row))

    def decide(self, file: str, delimiter: str, asked: DecimalSign | None) -> str:
        """The decimal sign of the file: "." or ",".

        Raises:
            SourceFileError: two numbers contradict each other, or none tells.
        """
        if asked is not None:
            return "." if asked == "point" else ","
        if len(self._proof) == 2:
            (one, row), (other, other_row) = self._proof["."], self._proof[","]
            raise SourceFileError(
                f"{one!r} has a decimal point, and {other!r} in row {other_row} a decimal comma; write all numbers "
                "alike, or say which: decimal_sign='point' (--decimal point), decimal_sign='comma' (--decimal comma)",
                file=file,
                row=row,
            )
        for sign in self._proof:
            return sign
        if "," in self._open and "." not in self._open:
            raise self._undecided(file, ",")
        if "." in self._open and delimiter == ";":
            raise self._undecided(file, ".")
        return "."

    def _undecided(self, file: str, sign: str) -> SourceFileError:
        cell, row = self._open[sign]
        name, other = ("comma", "point") if sign == "," else ("point", "comma")
        return SourceFileError(
            f"the {name} in {cell!r} may separate thousands or decimals, and no other number of the file tells which; "
            f"for thousands say decimal_sign='{other}' (--decimal {other}), "
            f"for decimals decimal_sign='{name}' (--decimal {name})",
            file=file,
            row=row,
        )


def _decimal_sign_of(number: str) -> tuple[str | None, bool]:
    """The decimal sign that a number shows, and whether that is sure."""
    points, commas = number.count("."), number.count(",")
    if points and commas:
        return ("." if number.rfind(".") > number.rfind(",") else ","), True
    sign, other, count = (".", ",", points) if points else (",", ".", commas)
    if not count:
        return None, False
    if count > 1:
        return other, True  # a sign that comes more than once separates thousands
    whole, _, rest = number.partition(sign)
    if len(rest) != 3 or len(whole) > 3 or whole in ("", "0") or whole.startswith("0"):
        return sign, True
    return sign, False


class NumberReader:
    """Reads the numbers of one file."""

    def __init__(self, decimal_sign: str) -> None:
        self._sign = decimal_sign
        self._thousands = "," if decimal_sign == "." else "."

    def read(self, cell: str, units: tuple[str, ...] = ()) -> Number | None:
        """The number in a cell; None where there is none.

        Args:
            units: what may be glued to it, the likeliest first; they may begin with digits.

        Raises:
            ValueError: it is no number.
        """
        if self._sign == "." and PLAIN(cell):
            return Number(cell)
        text = cell.strip()
        if text.casefold() in NOTHING:
            return None
        unit = None
        for each in units:
            if each and text.endswith(each) and len(text) > len(each):
                unit, text = each, text[: -len(each)].rstrip()
                break
        text = text.replace("−", "-")
        text = text.translate({ord(each): None for each in _CURRENCY_SIGNS}).strip()
        text = _CODE_BEFORE.sub("", text)
        if unit is None and (match := _CODE_AFTER.search(text)) and not _EXPONENT.fullmatch(text.lstrip("+-")):
            unit, text = match[1], text[: match.start()].rstrip()
        is_negative = False
        if text.startswith("(") and text.endswith(")"):
            is_negative, text = True, text[1:-1].strip()
        elif text.endswith("-"):
            is_negative, text = True, text[:-1].rstrip()
        if text[:1] in ("-", "+"):
            is_negative, text = is_negative != (text[0] == "-"), text[1:].lstrip()
        found = self._plain(text.translate({ord(each): None for each in _CURRENCY_SIGNS}).strip())
        return Number(f"-{found}" if is_negative and found.strip("0.") else found, unit)

    def _plain(self, text: str) -> str:
        if match := _EXPONENT.fullmatch(text):
            exponent = int(match[2])
            if abs(exponent) > 400:
                raise ValueError("is too large or too small for an amount")
            return f"{match[1].replace(',', '.')}E{exponent}"
        text = text.translate(_BLANKS)
        whole, sign, rest = text.rpartition(self._sign) if self._sign in text else (text, "", "")
        if self._thousands in whole:
            groups = whole.split(self._thousands)
            if (
                not 1 <= len(groups[0]) <= 3
                or len(groups[-1]) != 3
                or any(len(each) not in (2, 3) for each in groups[1:])
            ):
                raise ValueError("is not a number in the format of this file")
            whole = "".join(groups)
        text = f"{whole}.{rest}" if sign else whole
        if not text.isascii() or not _EXACT.fullmatch(text):
            raise ValueError("is not a number")
        if text[0] == ".":
            text = f"0{text}"
        return text.rstrip(".")
