"""`SessionActions`: what can be done with the selected sessions, in the menu, by right click and by keyboard."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu

from paper_repo.desktop import exporting, texts
from paper_repo.desktop.dialogs import TextDialog, ask
from paper_repo.desktop.language import tr
from paper_repo.desktop.naming import named
from paper_repo.desktop.undo import DeletedSessions
from paper_repo.domain import PaperTradingSession, SessionStatus
from paper_repo.domain.selection import SessionSummary
from paper_repo.domain.status import steps_from
from paper_repo.errors import ConflictError, SessionNotFoundError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.report import write_report

if TYPE_CHECKING:
    from paper_repo.desktop.window import SessionWindow

STEPS = ("start", "pause", "resume", "stop")
LIVE = (SessionStatus.RUNNING, SessionStatus.PAUSED)
NOTE = "note"
"""Under this name a note stands in a session's metadata."""

ATTEMPTS = 5
"""How often a change is tried again that another program's save has overtaken."""

Change = Callable[[PaperTradingSession], object]


class SessionActions(QObject):
    """Rename, note, steps of the life cycle, export, report, delete and undo, for the sessions selected in a window."""

    def __init__(self, window: SessionWindow) -> None:
        super().__init__(window)
        self._window = window
        self._live = window.live
        core = window.live.core
        self.deleted: DeletedSessions | None = None if core is None else DeletedSessions(core)
        titles = {"start": tr("&Start"), "pause": tr("&Pause"), "resume": tr("Resum&e"), "stop": tr("S&top")}
        keys = {"start": "Ctrl+Shift+S", "pause": "Ctrl+Shift+P", "resume": "Ctrl+Shift+R", "stop": "Ctrl+Shift+T"}
        self.steps: dict[str, QAction] = {
            step: self._action(step, titles[step], keys[step], partial(self.take, step)) for step in STEPS
        }
        self.rename: QAction = self._action("rename", tr("&Rename…"), "F2", self._rename)
        self.note: QAction = self._action("note", tr("&Note…"), "Ctrl+Shift+N", self._note)
        self.report: QAction = self._action("report", tr("Re&port"), "Ctrl+R", self._report)
        self.save_report: QAction = self._action("save-report", tr("Save report as…"), "", self._save_report)
        self.exports: list[QAction] = [
            self._action(
                "export-archive", tr("&Everything, as an archive…"), "Ctrl+E", partial(self._export, exporting.ARCHIVE)
            ),
            self._action("export-fills", tr("&Fills, for a spreadsheet…"), "", partial(self._export, exporting.FILLS)),
            self._action(
                "export-equity", tr("E&quity, for a spreadsheet…"), "", partial(self._export, exporting.EQUITY)
            ),
        ]
        self.copy_id: QAction = self._action("copy-id", tr("Copy &id"), "Ctrl+Shift+C", self._copy_id)
        self.delete: QAction = self._action("delete", tr("&Delete…"), "Del", self._delete)
        self.undo: QAction = self._action("undo", tr("&Undo delete"), "Ctrl+Z", self._undo)
        window.table.selection_changed.connect(self.update_enabled)
        window.table.refreshed.connect(self.update_enabled)
        self.update_enabled()

    def _action(self, name: str, title: str, keys: str, act: Callable[[], object]) -> QAction:
        action = named(QAction(title, self._window), name)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _=False: act())
        self._window.addAction(action)
        return action

    def fill(self, menu: QMenu) -> None:
        """Put all of them into a menu."""
        menu.addActions(list(self.steps.values()))
        menu.addSeparator()
        menu.addActions([self.rename, self.note])
        menu.addSeparator()
        menu.addActions([self.report, self.save_report])
        export = menu.addMenu(tr("E&xport"))
        export.setObjectName("export")
        export.addActions(self.exports)
        menu.addAction(self.copy_id)
        menu.addSeparator()
        menu.addActions([self.delete, self.undo])

    def update_enabled(self) -> None:
        """Enable what does something for what is selected."""
        ids = self._window.table.selected_ids
        summaries = self._window.table.selected_summaries()
        can_write = not self._window.is_read_only
        for step, action in self.steps.items():
            action.setEnabled(can_write and any(self._is_offered(step, each) for each in summaries))
        for action in (self.rename, self.note):
            action.setEnabled(can_write and len(ids) == 1)
        has_core = self._live.core is not None
        for action in (self.report, self.save_report, *self.exports):
            action.setEnabled(bool(ids) and has_core)
        self.copy_id.setEnabled(bool(ids))
        self.delete.setEnabled(can_write and bool(ids))
        self.undo.setEnabled(can_write and self.deleted is not None and self.deleted.count > 0)

    def _is_offered(self, step: str, session: SessionSummary) -> bool:
        """Whether the step is one that a user would look for: of two that lead to the same, the usual one."""
        demo = self._window.demo
        is_elsewhere = (
            session.status is SessionStatus.RUNNING and demo is not None and not demo.desk.is_trading(session.id)
        )
        if is_elsewhere and step == "resume":
            return True
        is_new = session.status is SessionStatus.CREATED
        hidden = {"start"} if not is_new else {"resume"}
        return step in steps_from(session.status) and step not in hidden

    # Changing

    def take(self, step: str) -> None:
        """Take a step of the life cycle with the selected sessions that allow it."""
        for each in self._window.table.selected_summaries():
            if not self._is_offered(step, each):
                continue
            if self._window.demo is not None:
                self._window.demo.take(step, each.id)
            else:
                self._change(each, lambda session: getattr(session, step)())

    def _rename(self) -> None:
        chosen = self._window.table.selected
        if chosen is not None:
            TextDialog(
                self._window,
                tr("Rename session"),
                tr("New name") + self._warning([chosen]),
                chosen.name,
                lambda name: self._change(chosen, lambda session: setattr(session, "name", name.strip())),
            )

    def _note(self) -> None:
        chosen = self._window.table.selected
        if chosen is None:
            return

        def edit(session: PaperTradingSession | None) -> None:
            if session is not None:
                text = str(session.metadata.get(NOTE, ""))
                TextDialog(
                    self._window,
                    tr("Note on") + f" “{chosen.name}”",
                    tr("Note, kept with the session") + self._warning([chosen]),
                    text,
                    lambda note: self._change(chosen, lambda session: _set_note(session, note.strip())),
                    lines=5,
                )

        self._live.ask(lambda repository: repository.get_by_id(chosen.id), edit, self._window.tell_error)

    def _warning(self, sessions: Sequence[SessionSummary]) -> str:
        demo = self._window.demo
        elsewhere = [
            each for each in sessions if each.status in LIVE and (demo is None or not demo.desk.is_trading(each.id))
        ]
        return (
            "\n\n" + tr("A program that trades it now has to load it again before it can save it.") if elsewhere else ""
        )

    def _change(self, chosen: SessionSummary, change: Change) -> None:
        """Change a session as it is stored now, and store it."""
        demo = self._window.demo

        async def work(repository: IPaperTradingSessionRepository) -> None:
            if demo is not None and demo.desk.change(chosen.id, change):
                return
            for attempt in range(ATTEMPTS):
                session = await repository.get_by_id(chosen.id)
                if session is None:
                    raise SessionNotFoundError(chosen.id)
                change(session)
                try:
                    await repository.save(session)
                    return
                except ConflictError:
                    if attempt == ATTEMPTS - 1:
                        raise

        self._live.ask(work, None, lambda error: self._window.tell_error(error, chosen.name))

    # Taking elsewhere

    def _copy_id(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(self._window.table.selected_ids))

    def _export(self, kind: str) -> None:
        endings = {
            exporting.ARCHIVE: ("jsonl", tr("Archive")),
            exporting.FILLS: ("csv", "CSV"),
            exporting.EQUITY: ("csv", "CSV"),
        }
        ending, title = endings[kind]
        self._choose_file(
            tr("Export"), self._file_name(f"-{kind}" if ending == "csv" else "", ending), f"{title} (*.{ending})",
            lambda path: self.export_to(kind, path),
        )  # fmt: skip

    def export_to(self, kind: str, path: Path) -> None:
        """Export the selected sessions to a file."""
        core, ids = self._live.core, self._window.table.selected_ids
        if core is not None:
            self._in_thread(
                partial(exporting.export, core, ids, kind, path),
                lambda _: self._window.message.tell(tr("Exported to") + f" {path}"),
            )

    def _report(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="paper_repo-report-"))
        self.report_to(
            folder / self._file_name("", "html"), lambda path: QDesktopServices.openUrl(QUrl.fromLocalFile(path))
        )

    def _save_report(self) -> None:
        self._choose_file(
            tr("Save report"), self._file_name("", "html"), "HTML (*.html)", lambda path: self.report_to(path)
        )

    def report_to(self, path: Path, then: Callable[[str], object] | None = None) -> None:
        """Write a report on the selected sessions to an HTML file."""
        core, ids = self._live.core, self._window.table.selected_ids
        if core is None or not ids:
            return

        def told(_: object) -> None:
            self._window.message.tell(tr("Report written to") + f" {path}")
            if then is not None:
                then(str(path))

        self._in_thread(partial(write_report, core, ids, path, overwrite=True), told)

    def _file_name(self, part: str, ending: str) -> str:
        summaries = self._window.table.selected_summaries()
        name = summaries[0].name or summaries[0].id if len(summaries) == 1 else "sessions"
        safe = "".join(each if each.isalnum() or each in " -_" else "-" for each in name).strip()[:80]
        return f"{safe or 'session'}{part}.{ending}"

    def _choose_file(self, title: str, name: str, kinds: str, then: Callable[[Path], object]) -> None:
        dialog = QFileDialog(self._window, title, name, kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _in_thread(self, work: Callable[[], object], then: Callable[[object], object]) -> None:
        self._live.ask(lambda _: anyio.to_thread.run_sync(work), then, self._window.tell_error)

    # Deleting

    def _delete(self) -> None:
        ids, summaries = self._window.table.selected_ids, self._window.table.selected_summaries()
        if not ids:
            return
        fills = sum(each.fill_count for each in summaries)
        if len(ids) == 1:
            question = (
                tr("Delete") + f" “{summaries[0].name or ids[0]}”?" if summaries else tr("Delete") + f" {ids[0]}?"
            )
        else:
            question = tr("Delete") + f" {texts.sessions(len(ids))}?"
        details = texts.counted(fills, tr("fill"), tr("fills")) + " " + tr("and the whole equity curve go with it.")
        details += " " + (
            tr("It can be undone until the window is closed.") if self.deleted else tr("This cannot be undone.")
        )
        ask(
            self._window, tr("Delete"), question, details + self._warning(summaries),
            (tr("Cancel"), tr("Delete")), lambda: self.delete_now(tuple(ids)), is_grave=True,
        )  # fmt: skip

    def delete_now(self, ids: tuple[str, ...]) -> None:
        """Delete these sessions without a question."""
        deleted, demo = self.deleted, self._window.demo

        async def work(repository: IPaperTradingSessionRepository) -> None:
            if demo is not None:
                for each in ids:
                    await demo.desk.leave(each)
            if deleted is not None:
                await anyio.to_thread.run_sync(deleted.delete, ids)
            else:
                for each in ids:
                    await repository.delete(each)

        self._live.ask(work, lambda _: self._tell_deleted(len(ids)), self._window.tell_error)

    def _tell_deleted(self, count: int) -> None:
        self.update_enabled()
        undo = None if self.deleted is None else (tr("Undo"), self._undo)
        self._window.message.tell(tr("Deleted:") + f" {texts.sessions(count)}.", action=undo)

    def _undo(self) -> None:
        if self.deleted is not None:
            self.undo.setEnabled(False)
            self._in_thread(self.deleted.undo, self._tell_undone)

    def _tell_undone(self, deletion: object) -> None:
        self.update_enabled()
        ids = getattr(deletion, "ids", ())
        if ids:
            self._window.table.select(ids[0])
            self._window.table.refresh()
            self._window.message.tell(tr("Brought back:") + f" {texts.sessions(len(ids))}.")


def _set_note(session: PaperTradingSession, note: str) -> None:
    metadata = {name: value for name, value in session.metadata.items() if name != NOTE}
    session.metadata = metadata | ({NOTE: note} if note else {})
