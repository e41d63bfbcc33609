"""Text of strangers, made harmless before it reaches a terminal, a shell or a spreadsheet.

Names, ids, symbols, errors and paths come from whoever wrote the database or the archive. A terminal would obey the
escape sequences in them, a shell the quotes, a spreadsheet the formulas.
"""

from __future__ import annotations

LONGEST_CELL = 200
LONGEST_LINE = 1500
"""How many characters of one value, and of one message, are shown at most."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"), and the apostrophe that prevents it."""

_PLAIN = frozenset("_-.,+/@%")
"""What no shell treats specially inside a word, beside letters and digits."""


def printable(text: str, longest: int | None = LONGEST_CELL) -> str:
    """The text with everything that a terminal would obey, or not show at all, as a visible escape; not too long."""
    text = text if longest is None else _shortened(text, longest)
    return text if text.isprintable() else "".join(map(_visible, text))


def name_or_id(name: str, session_id: str) -> str:
    """What a session is called where it is shown: one that has no name is called by its id."""
    return printable(name) or printable(session_id)


def quoted(text: str) -> str:
    """A name or an id inside a sentence."""
    return f"'{printable(text)}'"


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """A message as a single printable line; of a long one the middle is left out, as the way out stands at its end."""
    return printable(" ".join(_shortened(text, longest).split()), None)


def harmless(text: str) -> str:
    """Printed text of any length, whose line ends are meant."""
    return text if _is_harmless(text) else "\n".join(printable(line, None) for line in text.split("\n"))


def spreadsheet_cell(text: str) -> str:
    """The text as a cell that no spreadsheet runs: an apostrophe stands before what would be a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def shell_word(text: str, shell: str) -> str | None:
    """The text as one word of a command line of this shell, beginning as the text does; None when there is none.

    Completion puts it on a line that a person is about to run; what cannot be quoted with certainty is left out.
    """
    if not text.isprintable() or not text or text.startswith(("-", "~")):
        return None
    if all(each.isalnum() or each in _PLAIN for each in text):
        return text
    if shell == "bash":
        return "".join(each if each.isalnum() or each in _PLAIN else f"\\{each}" for each in text)
    return text if shell == "fish" else None  # fish quotes what it inserts; zsh evaluates what it is given


def _is_harmless(text: str) -> bool:
    return text.isprintable() or text.replace("\n", "").isprintable()


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 1]}…{text[-end:]}"
