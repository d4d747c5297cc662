"""Does the accounting close? `landed = staged + quarantined + erased`, `staged = trusted + superseded + expired`: lines, for every landing date.

Landed lines come from the ledger (counted in the bytes when the file was claimed), staged and quarantined rows from the tables' metadata, what
became of staged ones from `fates`; erased are lines that the ledger says were taken out of a file since, on behalf of a person
(`event-platform erase`). A staged row is *trusted* when that very row (file and line) is in trusted, *superseded* when it is not but its event
is, *expired* when its event is not and lies before the first day that trusted keeps; any other is lost. Lines that stage and quarantine have given
up by retention are counted on, by the notes they left; of those, expired are also the few of persons who were erased when the archive was gone
already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.accounting.fates import Tally, held_by_landing_date, rows_by_landing_date
from event_platform.engines.engine import drivers_duckdb
from event_platform.landing import ledger
from event_platform.trusted.expiry import expired_by_date

if TYPE_CHECKING:
    from event_platform.engines.engine import Engine
    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


@dataclass
class Account:
    """Lines of one landing date, or of all."""

    landed: int = 0
    blank: int = 0
    staged: int = 0
    quarantined: int = 0
    trusted: int = 0
    superseded: int = 0
    erased: int = 0
    expired: int = 0

    @property
    def landed_closes(self) -> bool:
        """Every landed line is staged, in quarantine or erased on behalf of a person."""
        return self.landed == self.staged + self.quarantined + self.erased

    @property
    def staged_closes(self) -> bool:
        """Every staged line is trusted, superseded or past the retention of trusted."""
        return self.staged == self.trusted + self.superseded + self.expired

    def __add__(self, other: Account) -> Account:
        """Both together."""
        return Account(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass
class Status:
    """What `event-platform status` tells of a source, lines over all time."""

    source: str
    pending_files: int
    total: Account = field(default_factory=Account)
    balanced: bool = True
    last_landed_at: datetime | None = None


def status(lake: Lake, source: Source, engine: Engine, pending_files: int) -> Status:
    """The account of everything that ever landed."""
    if not lake.exists(tables.ledger(source)):
        return Status(source.name, pending_files)
    accounts = by_landing_date(lake, source, engine)
    files = ledger.read(lake, source, drivers_duckdb(engine))
    return Status(
        source.name,
        pending_files,
        sum(accounts.values(), Account()),
        all(account.landed_closes and account.staged_closes for account in accounts.values()),
        max((file.claimed_at for file in files), default=None),
    )


def counts_close(lake: Lake, source: Source) -> bool:
    """Whether the totals agree, from metadata alone: landed lines with stage and quarantine. True before anything landed."""
    from event_platform.engines.duckdb import connect

    if not lake.exists(tables.ledger(source)):
        return True
    with connect(lake.environment) as engine:
        retired = retired_by_date(lake.open(tables.stage(source)))
        accounts = landed_by_date(lake, source, engine, taken_only=True)
    return all((account + Account(staged=retired.get(day, 0))).landed_closes for day, account in accounts.items())


def retired_by_date(stage: LakeTable) -> dict[date, int]:
    """Lines per landing date that were staged, and that stage has given up since at the end of its retention."""
    return {date.fromisoformat(day): int(str(lines)) for day, lines in stage.note("erased").items()}


def by_landing_date(lake: Lake, source: Source, engine: Engine, dates: Iterable[date] | None = None) -> dict[date, Account]:
    """The account of each landing date (default: all)."""
    accounts = landed_by_date(lake, source, engine)
    tally = Tally.of(lake, source, engine)
    stage, trusted = tally.stage, tally.trusted
    wanted = frozenset(accounts if dates is None else dates)
    for day, fate in (tally.by_landing_date() if dates is None else tally.of_landing_dates(wanted)).items():
        accounts[day].trusted, accounts[day].superseded, accounts[day].expired = fate
    retired = retired_by_date(stage)
    if retired.keys() & wanted:
        left, before, since = held_by_landing_date(engine, trusted), expired_by_date(stage), expired_by_date(trusted)
        for day, staged in retired.items():
            held, gone = left.get(day, 0), before.get(day, 0) + since.get(day, 0)
            accounts[day] += Account(staged=staged, trusted=held, superseded=staged - held - gone, expired=gone)
    return {day: account for day, account in accounts.items() if day in wanted}


def landed_by_date(lake: Lake, source: Source, engine: Engine, taken_only: bool = False) -> dict[date, Account]:
    """Landed, blank, staged, quarantined and erased lines per landing date; from the ledger and metadata alone.

    `taken_only` leaves out files that stage has not taken in yet, since another process may claim at any moment.
    """
    accounts: dict[date, Account] = defaultdict(Account)
    stage = lake.open(tables.stage(source))
    taken = f"file_id < {ledger.first_untaken(lake, source, stage)}" if taken_only else "true"
    for file in ledger.read(lake, source, drivers_duckdb(engine), taken):
        accounts[file.landing_date] += Account(
            landed=file.lines_to_account_for, blank=0 if file.duplicate_of else file.blank_lines, erased=file.erased_lines
        )
    for day, rows in rows_by_landing_date(stage.files()).items():
        accounts[day].staged += rows
    quarantine = lake.open(tables.quarantine(source))
    for day, rows in (*rows_by_landing_date(quarantine.files()).items(), *expired_by_date(quarantine).items()):
        accounts[day].quarantined += rows
    return accounts


def fate_of_files(lake: Lake, source: Source, engine: Engine, first_file_id: int, last_file_id: int) -> dict[date, Account]:
    """Staged, trusted and superseded lines per landing date of a range of file ids."""
    tally = Tally.of(lake, source, engine)
    files = tally.stage.files_between(first_file_id, last_file_id)
    select = f"{tally.stage.select(files)} WHERE file_id BETWEEN {first_file_id} AND {last_file_id}"
    staged = dict(engine.execute(f"SELECT landing_date, count(*) FROM ({select}) GROUP BY landing_date").fetchall())
    fates = tally.of_rows(select)
    if sum(staged.values()) == sum(file.record_count for file in files):
        tally.keep_up(files, fates)
    return {day: Account(staged=rows, **fates[day]._asdict()) for day, rows in staged.items()}
