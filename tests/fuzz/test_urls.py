"""Addresses of servers, most of them nonsense, none of a server that is there; and servers that answer nonsense."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paper_repo import AsyncSessionRepository, PaperRepoError, SessionRepository, StorageError
from tests.facade.seeds import ROUNDS

UNHURRIED: dict[str, Any] = {
    "max_examples": 150 * int(os.environ.get(ROUNDS, "1")),
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}
SECRET = "hush-hush"

HERE = ["127.0.0.1", "localhost", "[::1]", "[::1", "::1", "127.0.0.1,localhost", "%2Fnowhere", ""]
"""Hosts that are this machine, or nobody at all: no name is looked up, and nobody is called."""

PARAMETERS = [
    *["sslmode", "connect_timeout", "options", "application_name", "target_session_attrs", "client_encoding"],
    *["channel_binding", "gssencmode", "keepalives", "load_balance_hosts", "sslrootcert", "sslcert", "service"],
    *["passfile", "port", "user", "dbname", "password", "replication", "max_connections", "timeout", "patience"],
    *["durability", "autocommit", "row_factory", "conninfo", "thread_safe", "field_types", "isolation_level"],
]
"""libpq's parameters, and names that mean something to what lies between it and the address."""

odd_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
    st.sampled_from("/.:?#%&=@[],\0\n \\'\"*~-0123456789"), max_size=12
)
values = odd_texts | st.sampled_from(["0", "-1", "99999999999", "require", "disable", "any", "true", "/nowhere", "NaN"])
without_slashes = odd_texts.map(lambda text: text.translate(dict.fromkeys(map(ord, "/?#"), ":")))
users = st.sampled_from(["me", f"me:{SECRET}", f"me:[{SECRET}]", f"me:{SECRET}[", f":{SECRET}", ""])
odd_users = odd_texts.map(lambda text: quote(text, safe="")) | without_slashes
ports = st.sampled_from(["", ":1", ":0", ":65535", ":65536", ":-1", ":99999999999999", ":1,2", ":,", ":\u0663"])


@st.composite
def urls(draw: st.DrawFn) -> str:
    """An address of a server, quoted as it should be or not at all."""
    write = draw(st.sampled_from([quote, str]))
    scheme = draw(st.sampled_from(["postgresql", "postgres", "cockroachdb", "crdb", "PostgreSQL", "sqlite+x"]))
    user = draw(st.just("") | (users | odd_users).map(lambda each: f"{each}@"))
    host = draw(st.sampled_from(HERE)) + draw(ports)
    database = draw(st.sampled_from(["/sessions", "", "/"]) | odd_texts.map(lambda each: "/" + write(each)))
    pairs = draw(st.lists(st.tuples(st.sampled_from(PARAMETERS), values), max_size=2))
    query = "&".join(f"{name}={write(value)}" for name, value in pairs)
    return f"{scheme}://{user}{host}{database}{'?' if pairs else ''}{query}"


def facade(url: str, **options: Any) -> SessionRepository:
    """The core of an async repository, which alone has to do with the address."""
    return AsyncSessionRepository(url, **options).core


@pytest.mark.parametrize("kind", [SessionRepository, facade])
@settings(**UNHURRIED)
@example(url=f"postgresql://me:{SECRET}@127.0.0.1:1/sessions?max_connections=1")
@example(url=f"postgresql://me:{SECRET}@127.0.0.1:1/sessions?dbname=other")
@example(url=f"postgresql://me:[{SECRET}]@127.0.0.1:1/sessions")
@example(url=f"postgresql://me:{SECRET}@127.0.0.1:1/sessions?isolation_level=serializable")
@given(url=urls())
def test_any_address_of_a_server(kind: Any, url: str) -> None:
    """It is refused with a ValueError, or opening it fails with an error of ours; neither tells the password."""
    try:
        repository = kind(url, busy_timeout=0.1)
    except ValueError as error:
        assert_kept_secret(error)
        return

    try:
        repository.count()
    except PaperRepoError as error:
        assert_kept_secret(error)
    finally:
        repository.close()


def assert_kept_secret(error: BaseException | None) -> None:
    """No message has the password in it, nor has that of what caused it."""
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__ or error.__context__


letters = st.sampled_from(b"RSZTDCEKNvGA12I") | st.integers(0, 255)
bodies = st.binary(max_size=20) | st.sampled_from(
    [b"\0\0\0\0", b"I", b"SERROR\0C3D000\0Mno\0\0", b"client_encoding\0KLINGON\0"]
)
messages = st.builds(
    lambda letter, length, body: bytes([letter]) + (len(body) + length).to_bytes(4, "big", signed=True) + body,
    letters,
    st.sampled_from([4, 4, 4, 3, 0, -25, 1 << 24]),
    bodies,
)


@settings(**UNHURRIED)
@example(answers=[b"R\0\0\0\x08\0\0\0\0", b"Z\0\0\0\x05I"])  # come in, and then nothing more
@given(answers=st.lists(messages | st.binary(max_size=20), max_size=5))
def test_a_server_that_answers_nonsense(answers: list[bytes]) -> None:
    """Whatever comes back from where a server should be: opening fails with an error of ours."""
    with answering(b"".join(answers)) as port:
        repository = SessionRepository(f"postgresql://me@127.0.0.1:{port}/sessions?sslmode=disable", busy_timeout=0.1)

        with pytest.raises(StorageError):
            repository.open()

        repository.close()


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port on which everybody gets this answer, and is hung up on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, answer))
        thread.start()
        yield server.getsockname()[1]
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer(server: socket.socket, answer: bytes) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, suppress(OSError):
            client.recv(4096)
            client.sendall(answer)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
