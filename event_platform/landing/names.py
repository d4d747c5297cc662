"""Names of files: which ones in pending/ are left alone, and how an archived file's name tells its id, its original name and its compression."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from urllib.parse import unquote_to_bytes

from event_platform.lake import files
from event_platform.lake.files import shown
from event_platform.records.compression import Compression

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp", "~")
"""Ends of names that programs give to what they are still writing; names that begin with a dot count too. Such files are left alone."""


def is_unfinished(name: str) -> bool:
    """Whether a file or folder of this name, without the folders above it, is left alone."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def finished_name(name: str) -> str:
    """The name, changed where it would make the queue leave the file alone."""
    return f"{'_' if name.startswith('.') else ''}{name}{'.landed' if name.lower().endswith(UNFINISHED) else ''}"


def archived_name(file_id: int, name: str, compression: Compression) -> str:
    """The name under which a pending file is archived: `<file id>-<name>` in at most 255 bytes, made of letters, digits, space and ` .,+=@~()_-`.

    Any other character becomes %XX, and a longer name is cut, a hash in the place of what is gone.
    """
    said = {".gz": "gzip", ".zst": "zstd"}.get(Path(name).suffix, "none")
    mark = "" if said == compression else {"gzip": "%.gz", "zstd": "%.zst", "none": "%.plain"}[compression]
    prefix = f"{file_id}-"
    return prefix + files.shortened(name, files.MAX_NAME_BYTES - len(prefix) - len(mark), _escape) + mark


def read_archived_name(archived: str) -> tuple[int, str, Compression]:
    """The file id, the original name (as text: `shown`), and the compression that an archived name tells; ValueError when it is none."""
    file_id, dash, name = archived.partition("-")
    if not dash or not file_id.isdecimal():
        raise ValueError(f"{shown(archived)} does not begin with a file id")
    compression: Compression = "gzip" if name.endswith(".gz") else "zstd" if name.endswith(".zst") else "none"
    unmarked = re.sub(r"%\.(gz|zst|plain)$", "", name)
    return int(file_id), shown(os.fsdecode(unquote_to_bytes(unmarked))), compression


_UNSAFE = re.compile(r"[^\w .,+=@~()-]")


def _escape(name: str) -> str:
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in os.fsencode(match.group())), name)


def date_of(folder: str) -> date:
    """The landing date that a folder of the archive is named after; ValueError when it is none."""
    return date.fromisoformat(folder.removeprefix("date="))
