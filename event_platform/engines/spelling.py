"""Names and texts as SQL spells them."""


def identifier(name: str) -> str:
    """A column's or table's name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text, quoted."""
    return "'" + text.replace("'", "''") + "'"


def literal_path(path: object) -> str:
    """A file's path, quoted, as a glob pattern that matches nothing else."""
    return literal("".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path)))
