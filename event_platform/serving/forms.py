"""The forms in which answers are given."""

from enum import StrEnum


class Format(StrEnum):
    """How answers are printed or written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"
