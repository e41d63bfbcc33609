"""Documents that no program would write: each gets an error of ours, soon, and nothing is stored."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SourceFileError
from paper_repo.engines.importing import SOURCES, files, import_file

SAMPLES = Path(__file__).parent / "samples"
ORDER: dict[str, Any] = {
    "amount": 1, "safe_price": 2.0, "ft_order_side": "buy", "order_filled_timestamp": 1704870000000,
    "ft_is_entry": True,
}  # fmt: skip
TRADE: dict[str, Any] = {"pair": "A/USDT", "open_timestamp": 1704870000000, "is_open": True, "orders": [ORDER]}


def result(**trade: Any) -> bytes:
    """The result of a backtest with one trade."""
    strategies = {"S": {"stake_currency": "USDT", "starting_balance": 10, "trades": [{**TRADE, **trade}]}}
    return json.dumps({"strategy": strategies}).encode()


def zipped(**members: bytes) -> bytes:
    """An archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_json", ".json"), data)
    return buffer.getvalue()


def test_the_trade_is_read_as_it_is(tmp_path: Path) -> None:
    """Also out of an archive."""
    for data in (result(), zipped(r_json=result(), notes=b"x")):
        path = tmp_path / "r"
        path.write_bytes(data)
        assert import_file(path, None, source="freqtrade").fills == 1


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b'{"strategy": ' + b'{"a":' * 100_000,
        b'{"strategy": {"S": {"trades": [1, 2]}}}',
        b'{"strategy": {"S": {}}}',
        b"9" * 10_000,
        b"\xff\xfe\0\0nothing",
        b"PK\x03\x04 is no archive",
        zipped(one_json=result(), two_json=result()),
        result(orders=[{**ORDER, "amount": "1e999999"}]),
        result(orders=[{**ORDER, "safe_price": [1]}]),
        result(orders=[{**ORDER, "safe_price": None}]),
        result(pair="\ud800"),
        result(pair=None),
        result(open_timestamp="yesterday"),
        result().replace(b"2.0", b"1e999999999999"),
        result().replace(b"2.0", b"9" * 5000),
    ],
)
def test_hostile_json(tmp_path: Path, data: bytes) -> None:
    """Nested without end, without what it needs, with numbers and texts that are none."""
    path = tmp_path / "result.json"
    path.write_bytes(data)

    with pytest.raises(SourceFileError, match=r"result\.json"):
        import_file(path, None, source="freqtrade")


def test_an_archive_that_swells_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of it is read than a document may have, whatever the archive says of its size."""
    monkeypatch.setattr(files, "LARGEST_DOCUMENT", 1 << 16)
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped(r_json=b" " * (1 << 24)))

    with pytest.raises(SourceFileError, match="what is in it is larger than"):
        import_file(path, None, source="freqtrade")
    path.write_bytes(b" " * (1 << 17))
    with pytest.raises(SourceFileError, match="is larger than"):
        import_file(path, None, source="freqtrade")


@pytest.mark.parametrize(
    "text",
    [
        "<table>" * 5000,
        "<td " + "a" * (3 << 20),
        "<tr><td>" + "x" * 20_000,
        "<tr>" + "<td>x" * 5000,
        '<tr><td colspan="99999">x' * 3,
        "<tr>\0</tr>",
        '<!DOCTYPE html [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><tr><td>&c;</td></tr>',
    ],
)
def test_hostile_html(tmp_path: Path, text: str) -> None:
    """Tags without end, cells without end, entities that name each other."""
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SourceFileError, match=r"report\.html"):
        import_file(path, None, source="metatrader", timezone="UTC")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("sample", sorted(each.name for each in SAMPLES.iterdir() if each.suffix != ".sql"))
def test_the_file_of_another_program(source: Any, sample: str) -> None:
    """Is imported or refused, and nothing else happens."""
    refused = ""
    try:
        import_file(SAMPLES / sample, None, source=source, timezone="UTC", symbol="X")
    except SourceFileError as error:
        refused = str(error)
    assert not refused or sample in refused
