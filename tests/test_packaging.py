"""What is built from the checkout can be published, and works where nothing else of it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import paper_repo

ROOT = Path(__file__).parents[1]
SOURCES = [
    "_paper_repo_command.py", "paper_repo", "pytest_paper_repo.py", "setup.cfg", "setup.py", "README.md", "LICENSE",
]  # fmt: skip
NEEDED = [
    "py.typed", "demo/prices.csv", "desktop/translations/paper_repo_de.qm", "report/page.css", "report/page.js",
    "storage/migrations/0001_initial.py",
]  # fmt: skip
PROGRAM = """
import paper_repo
from paper_repo import PaperTradingSession, SessionRepository, Strategy

with SessionRepository("sessions.db") as repository:
    repository.save(PaperTradingSession(id="a", strategy=Strategy("x"), initial_cash="100.10"))
    print(repository.get_by_id("a").cash, paper_repo.__file__)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel and the source distribution, in this order, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return [next((folder / "dist").glob(f"*{ending}")) for ending in (".whl", ".tar.gz")]


def test_they_hold_what_the_package_needs(built: list[Path]) -> None:
    """Both have the type marker, the demo's prices and the migrations."""
    wheel, sources = built
    with zipfile.ZipFile(wheel) as archive, tarfile.open(sources) as tar:
        in_wheel, in_sources = archive.namelist(), tar.getnames()

    assert {f"paper_repo/{name}" for name in NEEDED} | {"pytest_paper_repo.py"} <= set(in_wheel)
    assert all(any(each.endswith(f"/paper_repo/{name}") for each in in_sources) for name in NEEDED)


def test_a_package_index_would_take_them(built: list[Path]) -> None:
    """Their metadata and description are complete and can be shown."""
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, built)], capture_output=True, text=True
    )

    assert (done.returncode, done.stdout.count("PASSED")) == (0, 2), done.stdout + done.stderr


def test_the_wheel_works_in_an_environment_of_its_own(built: list[Path], tmp_path: Path) -> None:
    """Installed where only its dependencies are, it saves and loads a session."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    place = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    with zipfile.ZipFile(built[0]) as archive:
        archive.extractall(place)
    (place / "dependencies.pth").write_text("\n".join({sysconfig.get_path("purelib"), *_site_packages()}))

    done = subprocess.run([python, "-c", PROGRAM], cwd=tmp_path, check=True, capture_output=True, text=True)

    assert done.stdout.split() == ["100.10", str(place / "paper_repo" / "__init__.py")]
    command = [python, "-c", "from _paper_repo_command import main; main()", "--version"]
    told = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert told.stdout == f"paper-repo {paper_repo.__version__}\n"
    assert paper_repo.__file__ != str(place / "paper_repo" / "__init__.py")


def _site_packages() -> set[str]:
    """Where the packages lie that the tests have."""
    return {each for each in sys.path if Path(each).name == "site-packages"}
