"""Encrypted files: nothing of a session is readable in them, and nothing shows the passphrase."""

from __future__ import annotations

import logging
import stat
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import (
    BusyError,
    CorruptDatabaseError,
    ForeignDatabaseError,
    PaperRepoError,
    SessionRepository,
    SQLiteSessionRepository,
    WrongPassphraseError,
)
from paper_repo.core.repository import internals_of
from paper_repo.maintenance import files
from paper_repo.maintenance.files import decrypt, encrypt
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.storage.sqlite import encryption
from tests.builders import full_session, new_session
from tests.storage.sqlite.damage import content

pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")

KEY = f"x'{'0123456789abcdef' * 4}'"
"""A passphrase from which SQLCipher need not derive the key, which takes long."""

SECRET = "correct 'horse' battery \N{SNOWMAN}"


def test_nothing_of_a_session_is_readable(path: Path, tmp_path: Path) -> None:
    """The file, its -wal and a backup hold no text of a session, are private, and open with the passphrase."""
    session = new_session(id="a-readable-id", name="a readable name")
    with SessionRepository(path, passphrase=SECRET) as repository:
        repository.save(session)
        repository.backup(tmp_path / "copy.db")
        for each in tmp_path.iterdir():
            assert b"readable" not in each.read_bytes(), each.name
            assert b"SQLite format" not in each.read_bytes(), each.name
            assert stat.S_IMODE(each.stat().st_mode) == 0o600

    for each in (path, tmp_path / "copy.db"):
        with SessionRepository(each, passphrase=SECRET) as repository:
            assert repository.get_by_id("a-readable-id") == session
            assert repository.check().ok


@pytest.mark.anyio
async def test_the_facade_opens_an_encrypted_file(path: Path) -> None:
    """The async repository takes a passphrase too, and writes and reads through its threads."""
    async with SQLiteSessionRepository(path, passphrase=SECRET) as repository:
        await repository.save(full_session(id="one"))
        async with repository.atomic():
            await repository.save(new_session(id="two"))
        assert len(await repository.get_all()) == 2


def test_a_wrong_passphrase_is_no_damage(path: Path) -> None:
    """Another passphrase, none, and one for a plain file are told apart from damage, and nothing is written."""
    with SessionRepository(path, passphrase=SECRET) as repository:
        repository.save(new_session())
    before = path.read_bytes()

    with pytest.raises(WrongPassphraseError, match="passphrase is wrong"):
        SessionRepository(path, passphrase="another").open()
    with pytest.raises(ForeignDatabaseError, match="passphrase"):
        SessionRepository(path).open()
    assert path.read_bytes() == before

    path.unlink()
    with SessionRepository(path) as repository:
        repository.save(new_session())
    with pytest.raises(WrongPassphraseError, match="not encrypted"):
        SessionRepository(path, passphrase=SECRET).open()


def test_damage_behind_the_first_page_is_damage(path: Path, tmp_path: Path) -> None:
    """A changed byte behind the first page is found by its page's own code, and the file can be salvaged."""
    with SessionRepository(path, passphrase=KEY) as repository:
        repository.save_many(new_session(id=f"session-{number}") for number in range(60))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with SessionRepository(path, passphrase=KEY) as repository, pytest.raises(CorruptDatabaseError):
        repository.get_all()
    saved = salvage(path, tmp_path / "new.db", passphrase=KEY)

    with SessionRepository(tmp_path / "new.db", passphrase=KEY) as repository:
        assert repository.count() == saved.sessions
    assert saved.sessions + len(saved.lost) >= 60


def test_converting_there_and_back(path: Path, tmp_path: Path) -> None:
    """An encrypted copy, and a plain copy of that, hold the same as the file, which stays as it was."""
    with SessionRepository(path) as repository:
        repository.save_many([full_session(), new_session(id="other")])
        expected = content(repository)

    assert encrypt(path, tmp_path / "secret.db", SECRET) == 2
    assert decrypt(tmp_path / "secret.db", tmp_path / "plain.db", SECRET) == 2

    assert b"SQLite format" not in (tmp_path / "secret.db").read_bytes()
    for each, passphrase in ((path, None), (tmp_path / "secret.db", SECRET), (tmp_path / "plain.db", None)):
        with SessionRepository(each, passphrase=passphrase) as repository:
            assert content(repository) == expected
            assert stat.S_IMODE(each.stat().st_mode) == 0o600
    with pytest.raises(WrongPassphraseError):
        decrypt(tmp_path / "secret.db", tmp_path / "third.db", "another")


def test_the_passphrase_shows_nowhere(
    path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """No repr, message, traceback with its variables, log or standard output has it."""
    caplog.set_level(logging.DEBUG)
    shown = []
    with SessionRepository(path, passphrase=SECRET) as repository:
        repository.save(new_session())
        shown += [repr(repository), str(repository), repr(internals_of(repository).storage), str(repository.describe())]
        shown.append(repr(SQLiteSessionRepository(path, passphrase=SECRET)))
    path.write_bytes(path.read_bytes()[:100] + bytes(4000))
    try:
        SessionRepository(path, passphrase=SECRET).open()
    except PaperRepoError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        frames = [frame for frame in told.stack if "test_encryption" not in frame.filename]
        shown += [str(error), repr(error), str(error.__cause__), *(str(frame.locals) for frame in frames)]
    captured = capfd.readouterr()

    everything = "\n".join([*shown, caplog.text, captured.out, captured.err])
    assert "horse" not in everything


@pytest.mark.parametrize("passphrase", ["", "hush\0hush", 5, b"hush", "hush\udcff", "\ud800hush"])
def test_a_passphrase_is_text(path: Path, passphrase: object) -> None:
    """What cannot be a passphrase, such as bytes from a Latin-1 terminal, is refused at once and never quoted."""
    with pytest.raises(ValueError, match="passphrase is text") as refused:
        SessionRepository(path, passphrase=passphrase)  # type: ignore[arg-type]

    assert "hush" not in ascii(refused.value)
    assert refused.value.__context__ is None
    assert not path.exists()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE paper_trading_sessions SET name = 'another'",
        "DELETE FROM paper_trading_fills WHERE sequence = 2",
        "DELETE FROM paper_trading_equity WHERE sequence = 2",
        "DELETE FROM paper_trading_sessions",
        "INSERT INTO paper_trading_deletions VALUES (1, 'x', 1); DELETE FROM paper_trading_sessions",
    ],
)
@pytest.mark.parametrize("way", ["encrypt", "decrypt"])
def test_a_converted_copy_is_compared(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, damage: str
) -> None:
    """A copy that does not hold what the file holds is an error, and is not there."""
    with SessionRepository(path, passphrase=KEY if way == "decrypt" else None) as repository:
        repository.save_many([full_session(id="one")])

    def export(source: Path, old: str | None, target: Path, new: str | None) -> None:
        encryption.export(source, old, target, new)
        with closing(encryption.connect(str(target), new or "")) as connection:
            connection.executescript(damage)

    monkeypatch.setattr(files, "export", export)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(CorruptDatabaseError, match=r"new\.db: session 'one' is not the same there|cannot be read"):
        {"encrypt": encrypt, "decrypt": decrypt}[way](path, tmp_path / "new.db", KEY)

    assert sorted(tmp_path.iterdir()) == before


def test_a_wait_for_another_writer_ends(path: Path) -> None:
    """The busy timeout is heeded by encrypted files, too: at once where it is 0, and so everywhere else."""
    with SessionRepository(path, passphrase=SECRET, busy_timeout=0) as repository:
        repository.save(new_session())
        with closing(encryption.connect(str(path), SECRET)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(BusyError, match="busy timeout"):
                repository.save(new_session())
        assert repository.describe()["pragmas"]["busy_timeout"] == 0
