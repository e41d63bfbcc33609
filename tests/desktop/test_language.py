"""German and English: every text of the window is translated, and numbers are written as people there write them."""

from __future__ import annotations

import runpy
from pathlib import Path

from paper_repo import SessionRepository
from tests.desktop.conftest import traded
from tests.desktop.driving import Desktop

TOOL = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "translations.py"), run_name="translations")


def test_every_text_is_translated() -> None:
    """`python .ci/translations.py` brings the file up to date, and names what is missing."""
    known = TOOL["translations"]()

    assert [text for text in TOOL["texts"]() if not known.get(text)] == []
    assert set(known) == set(TOOL["texts"]())


def test_what_is_shipped_is_what_was_translated(tmp_path: Path) -> None:
    """The compiled file is that of the translators' file."""
    TOOL["compile_"](tmp_path / "again.qm")

    assert (tmp_path / "again.qm").read_bytes() == TOOL["FILE"].with_suffix(".qm").read_bytes()


def test_a_german_window(desktop: Desktop, stored: SessionRepository) -> None:
    """Titles, states and numbers are German; in English they are English again."""
    session = traded("Frühling")
    stored.save(session)
    window = desktop.open(language="de")
    desktop.until(lambda: window.table.selected is not None)

    assert window.windowTitle().endswith("— Papierhandel")
    assert window.buttons["pause"].text() == "Pause"
    assert desktop.column("Status") == ["‖  pausiert"]
    expected = f"{session.equity:,.2f}".translate(str.maketrans(",.", ".,"))
    assert desktop.column("Kapital") == [expected]
    desktop.close()

    desktop.open(language="en")
    desktop.until(lambda: desktop.window.table.selected is not None)
    assert desktop.column("Equity") == [f"{session.equity:,.2f}"]
