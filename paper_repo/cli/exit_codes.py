"""What a command exits with, and how it says why."""

from __future__ import annotations

from paper_repo.errors import ConflictError, PaperRepoError, SessionNotFoundError

DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, INTERRUPTED = 0, 1, 2, 3, 4, 130

MEANINGS = {
    DONE: "done",
    FAILED: "failure; the message says what and why",
    USAGE: "the command was not understood, or its arguments make no sense",
    NOT_FOUND: "there is no such session, or no such database",
    CONFLICT: "something is there already, or was changed by somebody else meanwhile",
    INTERRUPTED: "interrupted with Ctrl-C; what was not finished is not stored",
}
"""Every exit code, for the help."""


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
    return CONFLICT if isinstance(error, ConflictError) else FAILED


EXPECTED = (CommandError, PaperRepoError, OSError)
"""What a user, a file or a disk may be the cause of; anything else is our mistake, and its traceback is shown."""
