"""Which columns hold personal data, from the contracts' tags, for Lake Formation: writes personal.auto.tfvars.json beside it."""

import json
from pathlib import Path

from event_platform.serving.sql import declared_tables

FILE = Path(__file__).with_name("personal.auto.tfvars.json")


def text() -> str:
    """The file's content: by table its personal columns; a table without any is not named."""
    columns = {table.name: [column.name for column in table.columns if column.personal] for table in declared_tables()}
    return json.dumps({"personal_columns": {name: named for name, named in sorted(columns.items()) if named}}, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
