"""Everything of TensorRT that the code touches is in all nine releases, or is asked for before."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from backends.trt import compat

from trtkit.backends.trt.releases import WHERE

FOLDER = Path(__file__).parents[3] / "trtkit" / "backends" / "trt"
MODULES = sorted(FOLDER.glob("*.py"))
API = compat.load()


def asked_by_users(path: Path) -> set[str]:
    """The features that the modules ask for which import this one."""
    name = f"trtkit.backends.trt.{path.stem}"
    trees = [ast.parse(other.read_text()) for other in MODULES]
    return {feature for tree in trees if name in compat.imported(tree) for feature in compat.guards(tree)}


def complaints(source: str, asked_before: set[str]) -> list[str]:
    tree = ast.parse(source)
    asked = compat.guards(tree) | asked_before
    found = []
    for touch in compat.touches(tree, API):
        owners = API.owners(touch.member) if touch.type is None else [touch.type]
        used = [f"{owner}.{touch.member}" if owner else touch.member for owner in owners]
        if any(API.of(feature) == API.releases for feature in used):
            continue
        if not any(API.covers(feature, each) for feature in asked for each in used):
            found.append(f"line {touch.line}: {' or '.join(used)} is not in every release, and has() does not ask")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_is_touched_is_everywhere_or_asked_for(path: Path) -> None:
    assert complaints(path.read_text(), asked_by_users(path)) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_is_asked_for_exists_somewhere(path: Path) -> None:
    for line, feature in compat.features(ast.parse(path.read_text())):
        assert API.of(feature), f"{path}:{line}: no release has {feature}"


@pytest.mark.parametrize(
    ("source", "guarded"),
    [
        ("config.set_flag(trt.BuilderFlag.FP16)", False),
        ("if has('BuilderFlag.FP16'): config.set_flag(trt.BuilderFlag.FP16)", True),
        ("kinds = trt.BuilderFlag\nkinds.FP16", False),
        ("trt().BuilderFlag.TF32", True),
        ("trt().BuilderFlag.TF33", False),
        ("network.mark_debug(tensor)", False),
        ("need('INetworkDefinition.mark_debug', '--mark-debug')\nnetwork.mark_debug(tensor)", True),
        ("network.mark_output(tensor)", True),
        ("if hasattr(network, 'mark_debug'): network.mark_debug(tensor)", True),
        ("has('IAlgorithmSelector')\nalgorithm.algorithm_variant", True),
        ("has('BuilderFlag.BF16')\nalgorithm.algorithm_variant", False),
        ("trt().shutdown_protobuf_library()", False),
        ("class Monitor(trt.IProgressMonitor): ...", False),
    ],
)
def test_the_check_itself(source: str, guarded: bool) -> None:
    assert (complaints(source, set()) == []) is guarded


def test_the_table_is_of_nine_releases() -> None:
    assert len(API.releases) == 9
    assert API.of("BuilderFlag.FP16") == {release for release in API.releases if release.startswith(("8.", "10."))}


@pytest.mark.parametrize("feature", WHERE)
def test_releases_said_in_messages(feature: str) -> None:
    rtx = {release for release in API.releases if release.startswith("rtx")}
    standard = sorted(API.releases - rtx, key=lambda text: [int(word) for word in text.split(".")])
    having = [release for release in standard if release in API.of(feature)]
    words = []
    if having:
        first, last = (".".join(release.split(".")[:2]) for release in (having[0], having[-1]))
        assert having == standard[standard.index(having[0]) : standard.index(having[-1]) + 1]
        words.append(f"TensorRT {first}" if first == last else f"TensorRT {first} to {last}")
    if rtx & API.of(feature):
        words.append("TensorRT-RTX 1.7")
    assert WHERE[feature] == " and ".join(words)
