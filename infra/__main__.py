"""`make services`: the servers, for a person. `python -m infra` lists them; `python -m infra postgres trino` starts these until Ctrl-C."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from filelock import FileLock, Timeout
from rich.console import Console

import infra
from infra.spark import s3a

FOLDER = Path(__file__).parent.parent / ".services"
"""Where a person's servers keep their data; they have the same ports each time."""

EXPORTS = "env"
"""In that folder: a file for a shell to source."""

LOOK_EVERY_SECONDS = 1.0

out = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Service:
    """How a server is started, and what a person may do with it, line by line."""

    title: str
    start: Callable[[Path, dict[str, Any]], AbstractContextManager[Any]]
    use: Callable[[Any], list[str]]
    needs: tuple[str, ...] = ()


def exported(environment: dict[str, str]) -> list[str]:
    """Lines for a shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]


@contextmanager
def spark_jars(folder: Path, s3: infra.SeaweedFS | None) -> Iterator[dict[str, str]]:
    """They are no server, but what a person needs beside one; with an S3 server, Spark is also told where that is."""
    told = {"EVENT_PLATFORM_SPARK_JARS": str(infra.jars("spark"))}
    if s3:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "spark-defaults.conf").write_text(s3a(s3), encoding="utf-8")
        told["SPARK_CONF_DIR"] = str(folder)
    yield told


SERVICES = {
    "seaweedfs": Service(
        "S3, and an Iceberg REST catalogue",
        lambda folder, _: infra.seaweedfs(folder),
        lambda server: [*exported(server.environment), f"export EVENT_PLATFORM_LAKE=s3://{server.bucket}/lake"],
    ),
    "postgres": Service(
        "PostgreSQL: the catalogue",
        lambda folder, _: infra.postgres(folder),
        lambda server: [f"export EVENT_PLATFORM_CATALOG={server.url()}"],
    ),
    "trino": Service(
        "Trino over the catalogue in that PostgreSQL",
        lambda folder, started: infra.trino(folder, started["postgres"], started.get("seaweedfs")),
        lambda server: [f"export EVENT_PLATFORM_TRINO={server.url}", 'event-platform sql --engine trino "SELECT count(*) FROM trusted.payments"'],
        needs=("postgres",),
    ),
    "hive": Service(
        "Hive's metastore: another catalogue",
        lambda folder, _: infra.hive(folder),
        lambda server: [f"export EVENT_PLATFORM_CATALOG={server.uri}"],
    ),
    "hdfs": Service(
        "HDFS",
        lambda folder, _: infra.hdfs(folder),
        lambda server: [f"export EVENT_PLATFORM_LAKE={server.webhdfs.replace('://', '://root@')}/lake"],
    ),
    "moto": Service(
        "AWS's Glue, Athena, Kinesis, Firehose, played", lambda folder, _: infra.moto(folder), lambda server: exported(server.environment)
    ),
    "kafka": Service(
        "Kafka: one broker",
        lambda folder, _: infra.kafka(folder),
        lambda server: [f"export EVENT_PLATFORM_KAFKA={server.bootstrap_servers}"],
    ),
    "registry": Service(
        "a registry of Avro schemas, which speaks Confluent's protocol",
        lambda folder, _: infra.registry(folder),
        lambda server: [f"export EVENT_PLATFORM_SCHEMA_REGISTRY={server.url}", "event-platform schema register"],
    ),
    "spark": Service(
        "the jars with which Spark reads the tables",
        lambda folder, started: spark_jars(folder, started.get("seaweedfs")),
        lambda told: [*exported(told), 'event-platform sql --engine spark "SELECT count(*) FROM trusted.payments"'],
    ),
}


def services(
    names: Annotated[list[str] | None, typer.Argument(help="Which servers; none lists them.", show_default=False)] = None,
    folder: Annotated[Path, typer.Option(help="Where they keep their data.")] = FOLDER,
) -> None:
    """Start servers on this machine, on loopback alone, and end them all with Ctrl-C."""
    unknown = [name for name in names or () if name not in SERVICES]
    if unknown or not names:
        known = "\n".join(f"  {name:<10} {service.title}" for name, service in SERVICES.items())
        out.print(f"{'There is no ' + ', '.join(unknown) + '. ' if unknown else ''}Name the servers to start, such as: postgres trino\n{known}")
        raise typer.Exit(2 if unknown else 0)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _serve(names, folder.absolute())
    except KeyboardInterrupt:
        out.print("All are ended; their data stays.")
    except infra.InfraError as error:
        out.print(f"[bold red]Error:[/] {error}")
        raise typer.Exit(1) from error


def _serve(names: list[str], folder: Path) -> None:
    wanted = {needed for name in names for needed in (*SERVICES[name].needs, name)}
    chosen = [name for name in SERVICES if name in wanted]
    started: dict[str, Any] = {}
    processes: dict[psutil.Process, str] = {}
    with ExitStack() as running:
        for name in chosen:
            running.enter_context(alone(folder, name))
        for name in chosen:
            out.print(f"[dim]starting {name} …[/]")
            started[name] = running.enter_context(SERVICES[name].start(folder / name, started))
            processes |= {child: name for child in psutil.Process().children() if child not in processes}
            running.enter_context(_to_source(folder, name, SERVICES[name].use(started[name])))
        _tell(folder, started)
        if not processes:  # jars alone
            signal.pause()
        ended: list[psutil.Process] = []
        while not ended:
            ended, _ = psutil.wait_procs(processes, timeout=LOOK_EVERY_SECONDS)
        died = processes[ended[0]]
        others = " The others were ended too." if {*processes.values()} - {died} else ""
        raise infra.InfraError(f"{died} has ended; what it said is in {folder / died}.{others} The data stays.")


def _tell(folder: Path, started: dict[str, Any]) -> None:
    out.print("In the shell that is to use them:")
    out.print(f"  . {shlex.quote(str(folder / EXPORTS))}", markup=False)
    for name, server in started.items():
        out.print(f"[bold]{name}[/]: {SERVICES[name].title}")
        for line in SERVICES[name].use(server):
            out.print(f"  {line}", markup=False)
    out.print("Ctrl-C ends them.")
    sys.stdout.flush()


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """No other process runs the server of that name in this folder; a dead one holds nothing. Raises InfraError at once."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(folder / f"{name}.lock", timeout=0).acquire()
    except Timeout as error:
        way_out = f'end that one, or name another folder: make services NAMES="{name} --folder FOLDER"'
        raise infra.InfraError(f"{name} is already run from {folder} by another `make services`; {way_out}.") from error
    with held:
        yield


@contextmanager
def _to_source(folder: Path, name: str, lines: list[str]) -> Iterator[None]:
    """While the server runs, what it exports stands in the folder's file to source, with what others do that run from there."""
    own = folder / f"{name}.{EXPORTS}"
    own.write_text("".join(f"{line}\n" for line in lines if line.startswith("export ")), encoding="utf-8")
    _gather_exports(folder)
    try:
        yield
    finally:
        own.unlink(missing_ok=True)
        _gather_exports(folder)


def _gather_exports(folder: Path) -> None:
    texts = (each.read_text(encoding="utf-8") for each in sorted(folder.glob(f"*.{EXPORTS}")))
    (folder / EXPORTS).write_text("".join(texts), encoding="utf-8")


if __name__ == "__main__":
    typer.run(services)
