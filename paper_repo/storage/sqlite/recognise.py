"""What an SQLite file is when it is opened: new, current, old, damaged, or only to be read.

A file that is not ours, or newer than this library, is refused without touching it or anything beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from paper_repo.errors import CorruptDatabaseError, ForeignDatabaseError, StorageError, WrongPassphraseError
from paper_repo.storage.errors import Translated
from paper_repo.storage.schema import newest_version, refuse_newer, refuse_older
from paper_repo.storage.sqlite.foreign_parts import foreign_part
from paper_repo.storage.sqlite.header import APPLICATION_ID, Look, ask
from paper_repo.storage.sqlite.integrity import find_damage, wrong_version
from paper_repo.storage.sqlite.location import Location
from paper_repo.storage.sqlite.paths import begins_with_nothing, size_of
from paper_repo.storage.statements import Statements

_SMALLEST_PAGE = 512


class New:
    """There is nothing in it yet: its tables are to be made."""


class Current:
    """Its schema is the present one."""


@dataclass(frozen=True)
class ReadOnly:
    """Nothing can be written to it or beside it, so that it is read as it lies."""

    is_current: bool
    """Whether its schema is the present one."""


class Old:
    """Its schema is older, and is to be upgraded."""


@dataclass(frozen=True)
class Damaged:
    """It is ours, and nothing more may be written to it."""

    reason: str
    """What is wrong with its structure."""


Recognised: TypeAlias = New | Current | ReadOnly | Old | Damaged


@dataclass(frozen=True)
class Recogniser:
    """Tells what the file at one place is."""

    location: Location
    scripts: Path
    """The folder of the migration scripts, which know every version of the schema."""
    statements: Statements
    is_encrypted: bool
    may_upgrade: bool
    connect: Callable[[str], Any]
    """Makes a connection to a URI that only looks."""
    connected: Callable[[], AbstractContextManager[Any]]
    """A connection like all later ones, which first undoes what a killed program had begun."""
    translated: Translated

    def recognise(self) -> Recognised:
        """What the file is.

        Raises:
            ForeignDatabaseError: it is not ours.
            WrongPassphraseError: it cannot be read with this passphrase, or it is not ours.
            SchemaVersionError: it is newer than this library, or older and must not be upgraded.
        """
        size = size_of(self.location.path)
        if not size:
            return New()
        if size < _SMALLEST_PAGE:  # which SQLite would take for an empty file, in part
            raise self._foreign()
        if begins_with_nothing(self.location.beside("-journal")):
            return New()  # what is in it is half of somebody's first change; who creates the tables looks again
        has_log = self.location.has("-wal")
        look = self._look(has_log)
        self._judge(look)
        if look.application == APPLICATION_ID and not has_log:
            look = self._examine()
        if look.damage is not None:
            return Damaged(look.damage)
        is_ours, is_current = look.application == APPLICATION_ID, look[:2] == (APPLICATION_ID, self.newest)
        if is_ours and not is_current and not self.may_upgrade:
            refuse_older(look.version, str(self.location.path), self.scripts)
        if self.location.can_only_be_read_as_it_lies():
            return ReadOnly(is_current)
        if is_current:
            return Current()
        return Old() if is_ours else New()

    def look_again(self, connection: Any) -> Look:
        """What the file is now that this connection has the lock: others may have filled or upgraded it meanwhile."""
        look = ask(connection)
        self._judge(look)
        self._refuse_foreign_parts(connection, look)
        return look

    @property
    def newest(self) -> int:
        """The present version of the schema."""
        return newest_version(self.scripts)

    def _foreign(self) -> StorageError:
        name = self.location.path
        if self.is_encrypted:
            return WrongPassphraseError(
                f"{name}: the passphrase is wrong, or this file is not encrypted, or its start is damaged; "
                "it was not touched"
            )
        return ForeignDatabaseError(
            f"{name}: this file is not an SQLite database, is encrypted and needs its passphrase, or its start is "
            "damaged; it was not touched"
        )

    def _judge(self, look: Look) -> None:
        """Refuse a file that looks so, unless it is ours or new."""
        name = str(self.location.path)
        if look.application == APPLICATION_ID:
            refuse_newer(look.version, name, self.scripts)
        elif look.application or look.has_tables:
            raise ForeignDatabaseError(f"{name}: this database belongs to another program; it was not touched")

    def _refuse_foreign_parts(self, connection: Any, look: Look) -> None:
        """Refuse a file of ours in which somebody has put something that would run, before anything of it does."""
        if look.application != APPLICATION_ID or look.version > self.newest:
            return
        try:
            found = foreign_part(connection, look.version, self.scripts)
        except (connection.DatabaseError, UnicodeDecodeError):
            return  # it is damaged, which is looked for next
        if found is not None:
            raise ForeignDatabaseError(
                f"{self.location.path}: this file has {found}, which paper_repo does not make and which may run when "
                "the file is used; it was not touched. Drop it if it is your own; else restore a backup, or save the "
                "sessions into a new file with `paper-repo salvage`"
            )

    def _look(self, has_log: bool) -> Look:
        """What the file is, as it lies, or with the changes in SQLite's log beside it where there are any.

        SQLite itself opens it: a file that this process has open with SQLite must not be opened in any other way, since
        closing it takes away all locks that the process has on it (https://www.sqlite.org/howtocorrupt.html, 2.2).

        Args:
            has_log: then it is looked at for damage, too: the last one to close a file moves its log into it, and of a
                damaged one both are to stay as they are.
        """
        uri = self.location.read_only if has_log else self.location.as_it_lies
        with self.translated, closing(self.connect(uri)) as connection:
            if self.location.has("-journal"):
                # A program that was killed may have written how long the file is to be, and not made it so long; SQLite
                # lets that pass only so. The journal has what was there before.
                connection.execute("PRAGMA writable_schema = ON")
            connection.execute("BEGIN")
            try:
                look = ask(connection)
            except connection.DatabaseError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                    raise
                raise self._foreign() from error
            if not has_log:
                return look
            self._refuse_foreign_parts(connection, look)
            return look._replace(damage=self._damage(connection, look))

    def _examine(self) -> Look:
        """What the file is, by a connection like all others, which first undoes what a killed program had begun."""
        try:
            with self._usual_connection() as connection:
                connection.execute("BEGIN")  # somebody may upgrade it meanwhile
                try:
                    look = self.look_again(connection)
                    return look._replace(damage=self._damage(connection, look))
                finally:
                    connection.execute("ROLLBACK")
        except CorruptDatabaseError as error:  # what connecting needs to read, such as the schema
            return Look(APPLICATION_ID, self.newest, True, damage=str(error.__cause__))

    @contextmanager
    def _usual_connection(self) -> Iterator[Any]:
        if self.location.can_only_be_read_as_it_lies():
            with self.translated, closing(self.connect(self.location.as_it_lies)) as connection:
                yield connection
        else:
            with self.connected() as connection:
                yield connection

    def _damage(self, connection: Any, look: Look) -> str | None:
        if look.application != APPLICATION_ID or look.version > self.newest:
            return None
        if look.version < self.newest:
            return wrong_version(connection, look.version)
        return find_damage(connection, self.statements, self.location.size()) or wrong_version(connection, look.version)
