"""The address of a PostgreSQL database: what of it the driver needs, and what of it people may see."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from playhouse.db_url import parse
from psycopg.pq import Conninfo

_SECRETS = ("password", "passfile", "sslpassword", "sslkey", "passwd")


def parsed(url: str) -> tuple[dict[str, Any], str]:
    """The connection parameters of `url`, and a name for messages, without password and parameters.

    Several hosts, of which libpq takes the first one that suits, are "host1:port1,host2:port2"
    (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS).

    Raises:
        ValueError: it is no address of a database; the message does not quote it, since it may hold a password.
    """
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    where = parse(parts._replace(netloc=user + at).geturl(), unquote_password=True, unquote_user=True)
    where["database"] = str(where.pop("dbname", "")) or unquote(where["database"])
    if not where["database"]:
        raise ValueError(f"the address has no name of a database: {parts.scheme}://user@host:port/name")
    if not where.keys() <= _known():
        raise ValueError(
            "the address has a parameter that libpq does not know; a '?' or '&' in a password is written %3F or %26"
        )
    if hosts:
        where |= _hosts(hosts)
    name = f"{parts.scheme}://{where.get('user', '')}{'@' if 'user' in where else ''}{hosts}/{where['database']}"
    return where, name


def _known() -> set[str]:
    """What there can be in an address, by libpq's names; the database has Peewee's."""
    return {"database", *(option.keyword.decode() for option in Conninfo.get_defaults())}


def _hosts(text: str) -> dict[str, str]:
    """libpq's lists of hosts and of ports."""
    pairs = [_host(each) for each in text.split(",")]
    return {"host": ",".join(host for host, _ in pairs), "port": ",".join(port for _, port in pairs)}


def _host(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):  # an IPv6 address is in brackets and has colons itself
        host, port = text, ""
    if not port.isdigit() and port:
        raise ValueError(
            "the port in the address is not a number; a ':', '@' or '/' in a password is written %3A, %40 or %2F"
        )
    return unquote(host).strip("[]"), port
