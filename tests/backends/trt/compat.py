"""What the TensorRT code touches of TensorRT, against a table of which release has what.

The table, trt_api.json beside this file, is made by

    python tests/backends/trt/compat.py FOLDER

from a folder of API listings, one `RELEASE.json` each: `types` maps a class to its members, or an enumeration to its
values, and `functions` lists the functions of the module. In the table a type maps a row of digits, one for each
release, 1 where the release has it, to the members for which that is so; the functions and the types themselves stand
under the type "".
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TABLE", "Api", "Touch", "features", "guards", "imported", "load", "touches"]

TABLE = Path(__file__).with_name("trt_api.json")

_FEATURE = re.compile(r"[A-Z]\w+(\.\w+)?")

_LEFT_OUT = re.compile(
    r"IPlugin(?!Registry)\w+|I(?!Attention)\w+Layer|Plugin\w*|Caffe\w+|Uff\w+|Field\w*|Dims\w*|I?Dimension\w*"
)
"""Types that nothing here touches: single layers, writing plugins, the formats of old."""

_OWN = {"allocate", "free", "kind", "max", "min", "strides", *dir(dict), *dir(list), *dir(io.BytesIO)}
"""Names that some type of TensorRT shares with Python's own objects, with numpy's arrays, or with trtkit's."""

_OURS = ("self", "options", "_options")
"""Variables that hold trtkit's own objects, some of whose members are called as TensorRT's are."""


@dataclass(frozen=True)
class Touch:
    """An attribute that a module uses: a member of a named type, or a name on some object (type None)."""

    line: int
    type: str | None
    member: str


class Api:
    """The table, asked."""

    def __init__(self, releases: list[str], types: Mapping[str, Mapping[str, frozenset[str]]]) -> None:
        self.releases = frozenset(releases)
        self.types = types

    def of(self, feature: str) -> frozenset[str]:
        """The releases that have a type, function or member."""
        type_name, _, member = feature.partition(".")
        if not member:
            return self.types[""].get(feature, frozenset())
        return self.types.get(type_name, {}).get(member, frozenset())

    def covers(self, asked: str, used: str) -> bool:
        """Whether having one feature means having the other: itself, its type, its bare name, or its contemporary."""
        return asked in (used, *used.split(".")) or (bool(self.of(asked)) and self.of(asked) == self.of(used))

    def owners(self, member: str) -> list[str]:
        """The types that have a member of this name in some release."""
        return [name for name, members in self.types.items() if name and member in members]


def load() -> Api:
    """The table of the nine releases."""
    table = json.loads(TABLE.read_text())
    releases = table["releases"]
    types: dict[str, dict[str, frozenset[str]]] = {}
    for type_name, rows in table["types"].items():
        members = types.setdefault(type_name, {})
        for digits, names in rows.items():
            having = frozenset(release for release, digit in zip(releases, digits, strict=True) if digit == "1")
            members.update(dict.fromkeys(names.split(), having))
    return Api(releases, types)


def touches(tree: ast.AST, api: Api) -> Iterator[Touch]:
    """Members of named types (`trt.BuilderFlag.TF32`, also through a local name for the type), and all other attributes
    that carry the name of a member of some class."""
    aliases = {
        target.id: node.value.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and node.value.attr in api.types
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr in api.types[""]:
            yield Touch(node.lineno, "", node.attr)
            continue
        owner = node.value
        if (owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")) in _OURS:
            continue
        named = owner.attr if isinstance(owner, ast.Attribute) else aliases.get(getattr(owner, "id", ""), "")
        if named and named in api.types:
            if not node.attr.startswith("__"):
                yield Touch(node.lineno, named, node.attr)
        elif node.attr not in _OWN and api.owners(node.attr):
            yield Touch(node.lineno, None, node.attr)


def imported(tree: ast.AST) -> set[str]:
    """The modules that a module imports names from."""
    return {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def guards(tree: ast.AST) -> set[str]:
    """Every feature that a module names as text, as it does where it asks for it: `has("BuilderFlag.FP16")`.

    Also the bare members that it asks some object for: `hasattr(config, "progress_monitor")`, `getattr` with a default.
    """
    nodes = list(ast.walk(tree))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    asked = {text for text in texts if _FEATURE.fullmatch(text)}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
            member = node.args[1]
            asks = node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) == 3)
            if asks and isinstance(member, ast.Constant) and isinstance(member.value, str):
                asked.add(member.value)
    return asked


def features(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The features that are asked for by `has` and `need`, where they are written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("has", "need"):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node.lineno, first.value


def make(folder: Path) -> str:
    """The table as JSON, from a folder of listings; releases are in the order of their versions, RTX last."""
    listings = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    releases = sorted(listings, key=lambda name: (name.startswith("rtx"), [int(n) for n in re.findall(r"\d+", name)]))
    having: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for release in releases:
        listing = listings[release]
        for name in [*listing["functions"], *listing["types"]]:
            if not _LEFT_OUT.fullmatch(name):
                having[""][name].add(release)
        for type_name, members in listing["types"].items():
            if _LEFT_OUT.fullmatch(type_name):
                continue
            for member in members:
                if not member.startswith("_"):
                    having[type_name][member].add(release)
    types: dict[str, dict[str, str]] = {}
    for type_name in sorted(having):
        rows: dict[str, list[str]] = defaultdict(list)
        for member, found in sorted(having[type_name].items()):
            rows["".join("1" if release in found else "0" for release in releases)].append(member)
        types[type_name] = {digits: " ".join(names) for digits, names in sorted(rows.items(), reverse=True)}
    return json.dumps({"releases": releases, "types": types}, indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(make(Path(sys.argv[1])))
