"""A stand-in for Terraform's AWS provider: it has the schema of the real one and does nothing.

With it Terraform itself checks a configuration where the real provider cannot be fetched: every argument, block, type and reference, and, with
`mock_provider`, what `terraform test` says of the planned values. Nothing can be applied with it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.aws_provider.bindings import VERSION, schemas

CHECKOUT = Path(__file__).parent.parent.parent
USED = re.compile(r'^(resource|data) "(aws_\w+)"', re.MULTILINE)
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Terraform:
    """Terraform in the folder of a configuration, with the stand-in as its only provider."""

    folder: Path
    settings: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command, such as `validate`; what it printed and how it ended."""
        environment = {"TF_CLI_CONFIG_FILE": str(self.settings), "TF_DISABLE_PLUGIN_TLS": "1", "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        return subprocess.run(
            ["terraform", *arguments], cwd=self.folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600, check=False
        )


def terraform(configuration: Path, scratch: Path) -> Terraform:
    """Terraform for the configuration, whose resource types are looked up; `scratch` keeps the stand-in. Raises InfraError."""
    text = "\n".join(path.read_text() for path in sorted(configuration.rglob("*.tf")))
    used = {f"data.{name}" if kind == "data" else name for kind, name in USED.findall(text)}
    (scratch / "schema.json").write_text(json.dumps({"provider": schemas(["provider"])["provider"], "types": schemas(used)}))
    _program(scratch / "mirror", scratch / "schema.json")
    settings = scratch / "terraform.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{scratch / "mirror"}"\n  }}\n}}\n')
    return Terraform(configuration, settings)


def _program(mirror: Path, schema: Path) -> None:
    target = f"{sys.platform}_{MACHINES.get(platform.machine(), platform.machine())}"
    program = mirror / "registry.terraform.io" / "hashicorp" / "aws" / VERSION / target / f"terraform-provider-aws_v{VERSION}"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{sys.executable}" -m infra.aws_provider "{schema}"\n')
    program.chmod(0o755)
