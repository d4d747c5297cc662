"""`python -m docs_site` writes the pages that follow from the code; with `--check` it says which are stale, with exit code 1 if any is."""

import sys

from docs_site import pages


def main(check: bool) -> int:
    """Write what is stale, or say it; the exit code."""
    found = pages.stale()
    for name in found:
        if not check:
            pages.write(name)
        sys.stdout.write(f"docs/{name}: {'stale; write it anew with: python -m docs_site' if check else 'written'}\n")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
