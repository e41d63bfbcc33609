"""A web service that shows the sessions of a file, and what changes in it as it happens, as server-sent events.

pip install fastapi uvicorn
SESSIONS=sessions.db uvicorn --app-dir examples --timeout-graceful-shutdown 1 web:app
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse, StreamingResponse

from paper_repo import IPaperTradingSessionRepository, SessionNotFoundError, SessionStatus, SQLiteSessionRepository


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One repository for the whole service, open as long as it runs."""
    async with SQLiteSessionRepository(os.environ.get("SESSIONS", "sessions.db")) as app.state.sessions:
        yield


def opened(request: Request) -> IPaperTradingSessionRepository:
    """The repository, for the functions below."""
    return request.app.state.sessions  # type: ignore[no-any-return]


app = FastAPI(lifespan=lifespan)
app.add_exception_handler(SessionNotFoundError, lambda _, error: JSONResponse({"detail": str(error)}, 404))
app.add_exception_handler(ValueError, lambda _, error: JSONResponse({"detail": str(error)}, 400))
Sessions = Annotated[IPaperTradingSessionRepository, Depends(opened)]


@app.get("/sessions")
async def list_sessions(sessions: Sessions, status: SessionStatus | None = None, page: int = 0) -> list[dict[str, Any]]:
    """A page of sessions, the newest first; amounts are text, and so exact."""
    found = await sessions.get_summaries(status=status, descending=True, limit=20, offset=20 * page)
    return [{"id": each.id, "name": each.name, "status": each.status, "equity": str(each.equity)} for each in found]


@app.get("/sessions/{session_id}")
async def show_session(sessions: Sessions, session_id: str) -> dict[str, Any]:
    """One session with its positions."""
    if (session := await sessions.get_by_id(session_id)) is None:
        raise SessionNotFoundError(session_id)
    positions = {symbol: str(position.quantity) for symbol, position in session.positions.items()}
    return {"id": session.id, "version": session.version, "equity": str(session.equity), "positions": positions}


@app.get("/sessions/{session_id}/equity")
async def show_equity(sessions: Sessions, session_id: str, width: int = 800) -> list[tuple[str, str]]:
    """The equity curve, with as many points as a chart of this width can show."""
    curve = await sessions.get_equity_curve(session_id, max_points=4 * width)
    return [(point.at.isoformat(), str(point.equity)) for point in curve]


@app.get("/changes")
async def follow(
    sessions: Sessions,
    after: int | None = None,
    timeout: float | None = None,
    last_event_id: Annotated[int | None, Header()] = None,
) -> StreamingResponse:
    """What is saved and deleted from now on, or since the last event received, as a browser tells in a header."""
    changes = sessions.watch(after=after if last_event_id is None else last_event_id, timeout=timeout)
    await changes.begin()  # a position of another file is refused here, before the answer begins

    async def events() -> AsyncIterator[str]:
        async for change in changes:
            data = {"session": change.session_id, "version": change.version, "deleted": change.deleted}
            yield f"id: {change.position}\ndata: {json.dumps(data)}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")
