"""Connection poolers such as pgbouncer: what a server session that is only borrowed can be used for, and what not.

A pooler lends a session of the server to one client after another: for each transaction, or for as long as the client
stays. What is set in a session that is not the client's own, and what is prepared in it, meets strangers; so nothing is
prepared there, and what is set ends with the transaction.
"""

from __future__ import annotations

import re
from typing import Any

import psycopg

_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.-]*)\s*=")
"""The name of a setting among the `options` of an address: "-csearch_path=team --work_mem=8MB"."""


def is_borrowed(connection: psycopg.Connection[Any]) -> bool:
    """Whether somebody stands between this connection and the server's process that answers it.

    The server tells each client the number of the process that serves it, by which a query can be cancelled. A pooler
    makes up numbers of its own, since its client has no process for itself. What only forwards bytes changes nothing.
    """
    (answering,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (None,)
    return bool(answering != connection.info.backend_pid)


def require_usable(connection: psycopg.Connection[Any]) -> None:
    """Refuse a borrowed session that does not do what the address asks for.

    Raises:
        psycopg.Error: the message says what to configure.
    """
    with connection.transaction():  # where a session is lent for one statement, the pooler refuses this
        lost = _options(connection) - _options_in_effect(connection)
    if lost:
        raise psycopg.OperationalError(
            f"the connection pooler drops the options of this address ({', '.join(sorted(lost))}); set them on the "
            "server (ALTER ROLE ... IN DATABASE ... SET ...) and leave them out of the address"
        )
    style = connection.info.parameter_status("DateStyle") or ""
    if not style.startswith("ISO"):
        raise psycopg.OperationalError(
            f"the connection pooler's sessions have DateStyle {style!r}, and are not ours to change; "
            "set it on the server (ALTER ROLE ... IN DATABASE ... SET DateStyle = 'ISO') and reconnect the pooler"
        )


def _options(connection: psycopg.Connection[Any]) -> set[str]:
    return {each.lower() for each in _OPTION.findall(connection.info.options)}


def _options_in_effect(connection: psycopg.Connection[Any]) -> set[str]:
    """The settings that this session has from a client, rather than from the server's configuration."""
    if not connection.info.options:
        return set()
    rows = connection.execute("SELECT lower(name) FROM pg_settings WHERE source IN ('client', 'session')")
    return {name for (name,) in rows}


def begin(durability: str, patience: float) -> str:
    """The text, for one round trip, that begins a transaction in a borrowed session with its own settings.

    With durability "full" the server's own `synchronous_commit` holds, whatever a stranger has left in the session.
    """
    return (
        f"BEGIN; SET LOCAL lock_timeout = {lock_timeout(patience)}; "
        f"SET LOCAL synchronous_commit TO {'off' if durability == 'normal' else 'DEFAULT'}"
    )


def lock_timeout(patience: float) -> int:
    """How long the server waits for a lock, in milliseconds; 0 would be for ever."""
    return max(1, round(patience * 1000))


ADVICE = {
    "unsupported startup parameter": (
        "the connection pooler refuses a parameter of this address; set it on the server (ALTER ROLE ... IN DATABASE "
        "... SET ...) and leave it out of the address"
    ),
    "statement pooling mode": (
        "the connection pooler lends a session for one statement, which no transaction survives; "
        "set pool_mode = transaction (or session)"
    ),
    "query_wait_timeout": (
        "the connection pooler had no connection to spare; repeat the call, or give it more (default_pool_size)"
    ),
    "no more connections allowed": (
        "the connection pooler takes no more clients; repeat the call, or let it take more (max_client_conn)"
    ),
}
"""What pgbouncer's own errors mean, all of which have the code of a broken protocol, by a part of their text."""

BUSY = ("query_wait_timeout", "no more connections allowed")
"""Those of them that another attempt may not meet."""
