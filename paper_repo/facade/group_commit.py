"""Jobs that share a transaction and its COMMIT, but not their failures.

On a file each job has a savepoint of its own. On a server, where every statement costs a round trip, saves are sent
together: a version that is not the expected one is a conflict of that save alone. A statement that the server refuses
ends the transaction for all; then each job is done again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from paper_repo.core.saves import Save
from paper_repo.core.sessions import Sessions
from paper_repo.core.together import AloneError, OneByOneError
from paper_repo.errors import PaperRepoError
from paper_repo.facade.jobs import Job, copied
from paper_repo.storage.errors import TurnedBackError


class GroupCommit:
    """Does the jobs that are waiting in one transaction.

    Args:
        sessions: what they write.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._storage = sessions.storage

    def do(self, take: Callable[[], list[Job]]) -> list[Job]:
        """Do all jobs in one transaction, and those by themselves that another transaction has turned back.

        Args:
            take: returns the jobs, once the transaction has begun; until then they can be cancelled.

        Returns:
            The jobs that were done.

        Raises:
            PaperRepoError: no transaction could be begun; nothing was taken.
        """
        jobs: list[Job] | None = None
        try:
            with self._storage.atomic(begins_late=True):
                jobs = take()
                groups = list(self._groups(jobs))
                for group in groups:
                    self._do_group(group, len(groups) == 1)
        except OneByOneError:
            _do_again(jobs or ())
        except BaseException as error:
            if jobs is None:
                raise
            for job in jobs:
                job.fail(copied(error))
        assert jobs is not None
        for job in jobs:
            if job.forget(TurnedBackError):
                job.do()
        return jobs

    def _groups(self, jobs: list[Job]) -> Iterator[list[Job]]:
        """The jobs in their order, where consecutive saves of different sessions form one group."""
        group: list[Job] = []
        ids = set[str]()
        for job in jobs:
            if group and not (self._goes_out(job) and self._goes_out(group[0]) and ids.isdisjoint(job.keys)):
                yield group
                group, ids = [], set()
            group.append(job)
            ids.update(job.keys)
        if group:
            yield group

    def _goes_out(self, job: Job) -> bool:
        return self._storage.sends_together and job.save is not None

    def _do_group(self, group: list[Job], is_all: bool) -> None:
        if self._goes_out(group[0]):
            self._send(group, [job.save for job in group if job.save is not None], is_all)
        else:
            self._do(group[0])

    def _send(self, group: list[Job], saves: list[Save], is_all: bool) -> None:
        """Send the saves of a group, which may be all that the transaction is to do.

        Raises:
            OneByOneError: everything is to be rolled back, and done again one by one.
        """
        try:
            refused = self._sessions.write_together(saves, is_all)
        except PaperRepoError as error:
            if self._storage.has_lost_transaction():
                raise
            raise OneByOneError from error
        for job, refusal in zip(group, refused, strict=True):
            if isinstance(refusal, AloneError):
                self._do(job)
            elif refusal is not None:
                job.fail(refusal)

    def _do(self, job: Job) -> None:
        job.do()
        if job.failed and self._storage.has_lost_transaction():
            job.require_success()  # its error has ended the transaction for all of them


def _do_again(jobs: Iterable[Job]) -> None:
    for job in jobs:
        job.forget(BaseException)
        job.do()
