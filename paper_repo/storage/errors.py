"""Errors of drivers leave as errors of ours; which is which, each kind of database knows."""

from __future__ import annotations

from collections.abc import Callable

import peewee

from paper_repo.errors import BusyError, PaperRepoError

_EVERYWHERE = (peewee.PeeweeException, UnicodeDecodeError)
"""What may leave a database of any kind."""

_ENDED = ("cannot rollback", "no such savepoint")
"""What rolling back says where SQLite has ended the transaction by itself, as after a full disk or at damage."""


class TurnedBackError(BusyError):
    """The database has undone a transaction because of another one; doing all of it again is safe, and may succeed."""


class Translated:
    """A context whose driver errors leave as errors of ours, chained to their cause, that name `database`.

    Args:
        database: what messages call it.
        translate: what an error of the driver's is in our terms.
        is_drivers: whether an error that is not Peewee's is the driver's.
    """

    def __init__(
        self, database: str, translate: Callable[[Exception, str], Exception], is_drivers: Callable[[Exception], bool]
    ) -> None:
        self._database = database
        self._translate = translate
        self._is_drivers = is_drivers

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception):
            self.require_other(error)

    def require_other(self, error: Exception) -> None:
        """Raise what `error` is in our terms, where it is the driver's."""
        if isinstance(error, _EVERYWHERE) or self._is_drivers(error):
            raise self._translate(error, self._database) from error


def ours(error: Exception, database: str) -> Exception | None:
    """What `error` is in our terms, whatever the driver; None: the driver has to be known."""
    driver = driver_error(error)
    return driver if isinstance(driver, PaperRepoError) else None


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error inside one of Peewee's, which may be inside another one; the one that came first."""
    inner = getattr(error, "orig", None)
    if isinstance(inner, BaseException):
        return driver_error(inner)
    hidden = error.__context__ if str(error).startswith(_ENDED) else None
    return error if hidden is None else driver_error(hidden)
