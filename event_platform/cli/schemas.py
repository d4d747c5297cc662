"""`event-platform schema …`: the Avro schemas of topics, made from the contracts."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import SourceNames, chosen_sources, err, plain, show, tell
from event_platform.errors import ConfigurationError, UsageError
from event_platform.realtime.kafka import schemas

if TYPE_CHECKING:
    from event_platform.sources.contract import Source

app = typer.Typer(no_args_is_help=True, help="Avro schemas of topics in the schema registry.")


class Rule(StrEnum):
    """Which changes the registry lets pass."""

    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"
    NONE = "NONE"


class Form(StrEnum):
    """How the list is printed."""

    table = "table"
    json = "json"


@app.command()
def register(
    names: SourceNames = None,
    rule: Annotated[
        Rule | None,
        typer.Option("--compatibility", help="Which changes may be registered; the rule of a new topic is BACKWARD, and stays."),
    ] = None,
) -> None:
    """Register the schemas of these sources' topics where they are new or have changed; what the rule forbids is refused."""
    from event_platform.realtime.kafka.registry import Registry

    registry = Registry(environment.read())
    for source in _streamed(names):
        found = registry.register(source, rule)
        tell(f"{found.subject}: version {found.version}, number {found.schema_id}, rule {registry.rule(source) or '-'}")


@app.command()
def check(
    names: SourceNames = None,
    against: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Ask no registry: compare with what `schema list --format json` printed.")
    ] = None,
) -> None:
    """See whether the contracts, as they are now, may be registered; exit code 1 and the fields at fault if one may not. For CI."""
    from event_platform.realtime.kafka import registry

    asked = None if against else registry.Registry(environment.read())
    known = _listed(against) if against else {}
    refused = False
    for source in _streamed(names):
        try:
            if asked:
                asked.check(source)
            else:
                registry.check_offline(source, known)
            tell(f"{source.name}: fits")
        except ConfigurationError as error:
            refused = True
            err.print(f"[bold red]Error:[/] {plain(error)}", highlight=False)
    if refused:
        raise typer.Exit(1)


@app.command("list")
def list_(names: SourceNames = None, form: Annotated[Form, typer.Option("--format", help="How to print.")] = Form.table) -> None:
    """The newest schema of each topic, its rule, and whether the contract says the same."""
    from event_platform.realtime.kafka.registry import Registry

    registry = Registry(environment.read())
    found = [(source, latest, registry.rule(source)) for source in _streamed(names) if (latest := registry.latest(source))]
    if form is Form.json:
        listed = [{"subject": each.subject, "version": each.version, "id": each.schema_id, "schema": each.schema} for _, each, _ in found]
        sys.stdout.write(json.dumps(listed, indent=2, ensure_ascii=False) + "\n")
        return
    states = ("has changed since", "says the same")
    rows = [
        (each.subject, each.version, each.schema_id, rule or "-", states[schemas.is_same(each.schema, schemas.schema_of(source))])
        for source, each, rule in found
    ]
    show(("subject", "version", "number", "rule", "contract"), rows)


def _streamed(names: list[str] | None) -> list[Source]:
    """The sources of these names; for none all that can be streamed."""
    chosen = chosen_sources(names)
    unfit = [source.name for source in chosen if not schemas.is_streamable(source)]
    if names and unfit:
        raise UsageError(f"{', '.join(unfit)} cannot be streamed: the files are no JSON lines, or their names say something.")
    return [source for source in chosen if schemas.is_streamable(source)]


def _listed(path: Path) -> dict[str, schemas.Schema]:
    try:
        return {each["subject"]: each["schema"] for each in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no list of schemas; make one with: event-platform schema list --format json") from error
