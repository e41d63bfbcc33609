"""The exit codes of commands, and the errors that lead to them."""

from __future__ import annotations

from paper_repo.errors import BusyError, ConflictError, PaperRepoError, SessionNotFoundError

DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, INTERRUPTED = 0, 1, 2, 3, 4, 130

MEANINGS = {
    DONE: "done",
    FAILED: "failed (the message says why)",
    USAGE: "wrong command or arguments",
    NOT_FOUND: "no such session, file or database",
    CONFLICT: "something exists already, is in use, or was changed by another program",
    INTERRUPTED: "interrupted with Ctrl-C",
}
"""Every exit code, for the help and the manual."""


class CommandError(Exception):
    """A command cannot do what was asked; the message is for people, `code` for programs."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def exit_code(error: Exception) -> int:
    """The code to exit with after `error`."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, SessionNotFoundError):
        return NOT_FOUND
    return CONFLICT if isinstance(error, (ConflictError, BusyError)) else FAILED


def is_expected(error: Exception) -> bool:
    """Whether a user, a file, a disk or a missing extra can cause it; anything else is our mistake."""
    if isinstance(error, ImportError):
        return "pip install" in str(error)
    return isinstance(error, (CommandError, PaperRepoError, OSError))
