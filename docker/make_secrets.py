"""`make secrets`: a value of its own for each password and key that compose.yaml asks for, in .env, which only its owner can read.

What has a value keeps it. Run again after an update, it adds what is new.
"""

import re
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).parent
ASKED = re.compile(r"\$\{(\w+):\?")


def main(file: Path = HERE / ".env") -> None:
    """Add what is missing; the values are hexadecimal, so they can stand in addresses."""
    asked = dict.fromkeys(ASKED.findall((HERE / "compose.yaml").read_text(encoding="utf-8")))
    file.touch(mode=0o600, exist_ok=True)
    file.chmod(0o600)
    there = {line.partition("=")[0] for line in file.read_text(encoding="utf-8").splitlines() if line.partition("=")[2]}
    missing = [name for name in asked if name not in there]
    with file.open("a", encoding="utf-8") as opened:
        opened.writelines(f"{name}={secrets.token_hex(24)}\n" for name in missing)
    sys.stdout.write(f"{file}: {len(missing)} made, {len(asked) - len(missing)} kept\n")


if __name__ == "__main__":
    main()
