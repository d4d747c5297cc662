"""How numbers are said to people."""


def counted(number: int, one: str, more: str | None = None) -> str:
    """A number with what it counts: `1 file`, `2,000 files`; `more` is the plural where it is not an added s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"
