"""What the tests with injected errors get beside what every test gets."""

from __future__ import annotations

import pytest

from tests.facade.watching import Watch


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """What sees every statement of the repositories that the test opens."""
    watch = Watch()
    watch.install(monkeypatch)
    return watch
