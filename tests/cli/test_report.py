"""The command that makes a report."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import DEMO, Run


def test_a_report_is_written(run: Run, tmp_path: Path) -> None:
    """It finds sessions by the beginnings of their ids, writes the file, and says so."""
    target = tmp_path / "out.html"

    result = run("report", DEMO[:8], "run-1", "--output", str(target))

    assert result.exit_code == 0, result.output
    assert f"wrote {target}" in "".join(result.stderr.split("\n"))
    assert "2 paper-trading sessions" in target.read_text(encoding="utf-8")


def test_a_file_is_replaced_only_when_asked(run: Run, tmp_path: Path) -> None:
    """What is there stays unless --overwrite is given."""
    target = tmp_path / "out.html"
    target.write_text("mine")

    refused = run("report", DEMO, "-o", str(target))
    kept = target.read_text(encoding="utf-8")
    forced = run("report", DEMO, "-o", str(target), "--overwrite")

    assert (refused.exit_code, kept, forced.exit_code) == (4, "mine", 0)
    assert "exists already and was not touched" in " ".join(refused.stderr.split())


def test_a_session_that_is_not_there(run: Run, tmp_path: Path) -> None:
    """Nothing is written, and the exit code says that nothing was found."""
    assert run("report", "nobody", "-o", str(tmp_path / "x.html")).exit_code == 3
    assert not list(tmp_path.glob("*.html"))
