"""The commit that takes files out of a table, where pyiceberg's own would not do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestEntry, ManifestFile
    from pyiceberg.table.update.snapshot import UpdateSnapshot, _OverwriteFiles


def overwrite(update: UpdateSnapshot, texts: Sequence[int]) -> _OverwriteFiles:
    """An overwrite that finds all files to remove, and says of those that it removed them, but not between which texts theirs lay.

    The current snapshot goes on naming a file that it removed, so the id of an erased event would be kept for as long as nothing else is written.

    Its threads share one evaluator that keeps the manifest it looks at in itself (pyiceberg 0.12.0, `_ManifestEvalVisitor`), so that one thread may
    judge by what another has put there and pass over a manifest. Here they take turns.
    """
    files = update.overwrite()
    build, turn, removed = files._build_manifest_evaluator, Lock(), files._deleted_entries

    def in_turn(spec_id: int) -> Callable[[ManifestFile], bool]:
        evaluate = build(spec_id)

        def may_match(manifest: ManifestFile) -> bool:
            with turn:
                return evaluate(manifest)

        return may_match

    def without_texts() -> list[ManifestEntry]:
        entries = removed()
        for bounds in (bounds for entry in entries for bounds in (entry.data_file.lower_bounds, entry.data_file.upper_bounds) if bounds):
            for text in texts:
                bounds.pop(text, None)
        return entries

    files._build_manifest_evaluator = in_turn  # type: ignore[method-assign] # of this one alone
    files._deleted_entries = without_texts  # type: ignore[method-assign]
    return files
