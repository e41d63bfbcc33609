"""Engines that are not installed, and the modules that need none."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("name", "package"), [("nautilus", "nautilus_trader"), ("freqtrade", "freqtrade")])
def test_a_missing_engine_names_its_extra(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"paper_repo.engines.{name}", raising=False)
    with pytest.raises(ImportError, match=rf"pip install 'paper_repo\[{name}\]'"):
        importlib.import_module(f"paper_repo.engines.{name}")


@pytest.mark.parametrize("name", ["ccxt", "alpaca"])
def test_brokers_need_no_library(name: str) -> None:
    """Their answers are dictionaries; neither the library nor an HTTP client is imported."""
    program = f"import sys, paper_repo.engines.{name}; print(*(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert set(done.stdout.split()) & {"ccxt", "alpaca", "pydantic", "requests", "aiohttp"} == set()
