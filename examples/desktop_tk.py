"""A small window without an event loop of its own: `python examples/desktop_tk.py [FILE]`; it needs tkinter only.

The async repository lives in a thread that anyio's blocking portal runs. The Tk thread never waits: it hands work over
with `ask`, and what came of it comes back through a queue that `root.after` looks into.
"""

from __future__ import annotations

import queue
import sys
import tkinter as tk
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from tkinter import filedialog, font, ttk
from typing import Any

import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from paper_repo import ConflictError, PaperRepoError, SessionNotFoundError, SessionSummary, SQLiteSessionRepository
from paper_repo.maintenance.archive import import_archive

COLUMNS = {"name": "Name", "status": "Status", "equity": "Equity", "pnl": "P&L", "updated": "Updated (UTC)"}
STEPS = {
    "pause": (["RUNNING"], "is paused"),
    "resume": (["PAUSED", "STOPPED", "FAILED"], "is running again"),
    "stop": (["RUNNING", "PAUSED"], "is stopped"),
}
SPARE = 24  # pixels beside the text of a column


class App:
    """A list of sessions that follows the file, and buttons to pause, resume, stop and import."""

    def __init__(self, root: tk.Tk, portal: BlockingPortal, repository: SQLiteSessionRepository) -> None:
        self.root, self._portal, self._repository = root, portal, repository
        self._results: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._asked = self._closing = False
        root.title("Paper trading")
        root.protocol("WM_DELETE_WINDOW", self.close)
        bar = ttk.Frame(root, padding=8)
        bar.pack(fill="x")
        self.buttons = {step: ttk.Button(bar, text=step.title(), command=partial(self._step, step)) for step in STEPS}
        self.buttons["import"] = ttk.Button(bar, text="Import…", command=self._choose)
        self.sessions: dict[str, SessionSummary] = {}
        for button in self.buttons.values():
            button.pack(side="left", padx=3)
        self.progress = ttk.Progressbar(bar, length=220)
        self.progress.pack(side="right")
        for part in ("Heading", "Cell"):
            ttk.Style(root).configure(f"Treeview.{part}", padding=(SPARE // 3, 2))
        self.table = ttk.Treeview(root, columns=tuple(COLUMNS), show="headings", selectmode="browse")
        for name, title in COLUMNS.items():
            side = "e" if name in ("equity", "pnl") else "w"
            self.table.heading(name, text=title, anchor=side)
            self.table.column(name, anchor=side, stretch=name == "name")
        for arrow, colour in (("▲", "#0a7a3d"), ("▼", "#bd1e2d")):
            self.table.tag_configure(arrow, foreground=colour)
        self.table.bind("<<TreeviewSelect>>", lambda _: self._enable())
        self.table.pack(fill="both", expand=True, padx=8)
        self.message = ttk.Label(root, padding=8, text="No sessions yet: import an archive, or let a program save one.")
        self.message.pack(fill="x")
        self._enable()
        self._watching = self.ask(self._watch)
        self._look()

    def ask(self, work: Callable[..., Any], *args: Any, then: Callable[[Any], object] = lambda _: None) -> Future[Any]:
        """Let the repository's thread do `work`; `then` gets the result in the Tk thread."""
        future = self._portal.start_task_soon(work, *args)
        future.add_done_callback(lambda done: self._results.put(partial(self._done, done, then)))
        return future

    def _done(self, future: Future[Any], then: Callable[[Any], object]) -> None:
        try:
            then(future.result())
        except CancelledError:
            pass
        except ConflictError as error:
            self.message["text"] = f"⚠  Another program has just changed {error.session_id!r}; try again."
        except (PaperRepoError, OSError) as error:
            self.message["text"] = f"⚠  {error}"

    def _look(self) -> None:
        while not self._results.empty():
            self._results.get()()
        self.root.after(30, self._look)

    async def _watch(self) -> None:
        async for _ in self._repository.watch(after=0):  # every session there is, then every change
            self._results.put(self.refresh)

    async def _take(self, step: str, session_id: str) -> str:
        session = await self._repository.get_by_id(session_id)
        if session is None:
            raise SessionNotFoundError(session_id)
        getattr(session, step)()
        await self._repository.save(session)
        return f"{session.name} {STEPS[step][1]}"

    def _import(self, path: Path) -> int:
        def advance(done: int, total: int) -> None:
            self._results.put(partial(self.progress.configure, value=100 * done / max(total, 1)))
            if self._closing:
                raise PaperRepoError("the import was broken off; nothing of it is stored")

        with path.open("rb") as file:
            return import_archive(self._repository.core, file, on_conflict="skip", progress=advance).added

    def refresh(self) -> None:
        """Show what is stored; many changes that come at once are one refresh."""
        if not self._asked:
            self._asked = True
            self.root.after(50, self._ask_for_all)

    def _ask_for_all(self) -> None:
        self._asked = False
        self.ask(self._repository.get_summaries, then=self._show)

    def _show(self, sessions: list[SessionSummary]) -> None:
        if sessions and not self.sessions:
            self.message["text"] = ""
        self.sessions = {each.id: each for each in sessions}
        self.table.delete(*(set(self.table.get_children()) - {each.id for each in sessions}))
        for each in sessions:
            arrow = "▲" if each.net_pnl > 0 else "▼" if each.net_pnl < 0 else ""
            amounts = f"{each.equity:,.2f}", f"{arrow} {abs(each.net_pnl):,.2f}"
            row = each.name, each.status.lower(), *amounts, f"{each.updated_at:%Y-%m-%d %H:%M:%S}"
            self.table.exists(each.id) or self.table.insert("", "end", each.id)
            self.table.item(each.id, values=row, tags=(arrow,))
        self._fit()
        self._enable()

    def _fit(self) -> None:
        """Make each column as wide as its longest text."""
        cells, titles = font.nametofont("TkDefaultFont"), font.nametofont("TkHeadingFont")
        rows = [self.table.item(each, "values") for each in self.table.get_children()]
        for place, (name, title) in enumerate(COLUMNS.items()):
            widest = max([titles.measure(title), *(cells.measure(row[place]) for row in rows)])
            self.table.column(name, width=widest + SPARE)

    def _enable(self) -> None:
        """Let only those buttons be pressed that do something to the session that is chosen."""
        chosen = [self.sessions[each] for each in self.table.selection() if each in self.sessions]
        for step, (before, _) in STEPS.items():
            possible = any(each.status in before for each in chosen)
            self.buttons[step].state(["!disabled" if possible else "disabled"])

    def _step(self, step: str) -> None:
        for chosen in self.table.selection():
            self.ask(self._take, step, chosen, then=lambda done: self.message.configure(text=done))

    def _choose(self) -> None:
        if path := filedialog.askopenfilename(title="Import an archive", parent=self.root):
            self.import_file(Path(path))

    def import_file(self, path: Path) -> None:
        """Import an archive, all of it or nothing; the window stays alive and shows how far it is."""
        imported = "{:,} sessions imported".format
        self.ask(anyio.to_thread.run_sync, self._import, path, then=lambda n: self.message.configure(text=imported(n)))

    def close(self) -> None:
        """End the window; what is being saved is saved, an import that is under way is broken off."""
        self._closing = True
        self._watching.cancel()
        self.root.destroy()


def main(path: str) -> None:
    """Show the window until it is closed, then close the file."""
    root = tk.Tk()  # kept until the other thread has ended, because Tk may be let go of in this one only
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(SQLiteSessionRepository(path)) as opened:
        App(root, portal, opened)
        root.mainloop()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sessions.db")
