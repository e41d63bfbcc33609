"""Text of strangers before it reaches a terminal, a shell or a spreadsheet."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.cli import escaping


@given(st.text())
def test_whatever_a_name_holds_a_terminal_only_shows_it(name: str) -> None:
    """No escape sequence, line end or invisible character comes through; what is printable stays as it is."""
    shown = escaping.printable(name, None)

    assert shown.isprintable()
    assert shown == name or not name.isprintable()


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x9b2J", "\x1b]8;;http://x\x07", "\u202e", "\u2066", "\x00", "\u200b"])
def test_control_characters_are_visible_in_lines_and_in_whole_texts(hostile: str) -> None:
    """Escape sequences in both forms, links, bidi overrides, and what is not shown at all."""
    for shown in (escaping.printable(hostile), escaping.one_line(hostile), escaping.harmless(f"a\n{hostile}")):
        assert "\\x" in shown or "\\u" in shown
        assert shown.replace("\n", "").isprintable()


def test_a_long_value_keeps_its_beginning_and_its_end() -> None:
    """An error that quotes a line of three megabytes is a line; the advice at its end stays."""
    shown = escaping.one_line(f"line 7: {'x' * 3_000_000}\n: use another one")

    assert len(shown) <= escaping.LONGEST_LINE
    assert shown.startswith("line 7: xxx")
    assert shown.endswith("x : use another one")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'quoted"])
def test_a_spreadsheet_runs_no_text(text: str) -> None:
    """An apostrophe stands in front; who takes one leading apostrophe away has the text again."""
    assert escaping.spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["AAPL", "a=b", "a-b", "", " x"])
def test_other_text_stays_as_it_is(text: str) -> None:
    """Most names need nothing."""
    assert escaping.spreadsheet_cell(text) == text


@given(st.text())
def test_a_word_is_one_word_of_bash(text: str) -> None:
    """Whatever an id holds: bash reads one word, which is the id, or nothing is offered."""
    word = escaping.shell_word(text, "bash")

    assert word is None or shlex.split(word) == [text]


@pytest.mark.parametrize(
    "text", ["new one", "$(touch x)", "`id`", "a;b", "a'b", 'a"b', "a\\b", "*", "a&b", "!x", "#x", "é€"]
)
def test_bash_itself_reads_the_word_as_the_text(text: str) -> None:
    """And runs nothing of it."""
    word = escaping.shell_word(text, "bash")

    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)

    assert done.stdout.decode() == text


@pytest.mark.parametrize("text", ["a\nb", "a\x1bb", "-x", "~root", "", "\u202ea"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_what_cannot_be_quoted_is_not_offered(text: str, shell: str) -> None:
    """Control characters, and what a shell or a command would take for something else."""
    assert escaping.shell_word(text, shell) is None


def test_shells_that_evaluate_completions_are_offered_plain_ids_only() -> None:
    """Typer's script for zsh evaluates what it is given."""
    assert escaping.shell_word("run-1", "zsh") == "run-1"
    assert escaping.shell_word("x$(id)", "zsh") is None
    assert escaping.shell_word("new one", "fish") == "new one"
