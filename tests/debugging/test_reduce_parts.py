"""The search itself, on random graphs: whatever set of nodes is at fault, exactly that is found, in a bounded time."""

from __future__ import annotations

import random
from pathlib import Path

import onnx
import pytest
import zoo

from trtkit.backends.onnx.extract import Extractor
from trtkit.backends.onnx.open import open_onnx
from trtkit.debugging.parts import Part, Parts
from trtkit.debugging.reduction import MODES, Mode, most_checks, reduce_part

N, T = zoo.node, zoo.tensor


def random_graph(rng: random.Random, size: int) -> onnx.ModelProto:
    """Nodes with one or two inputs among all tensors before them; some lead nowhere."""
    tensors, nodes = ["x"], []
    for index in range(size):
        reads = rng.sample(tensors, min(len(tensors), rng.choice((1, 2))))
        nodes.append(N("Add" if len(reads) == 2 else "Neg", reads, [f"t{index}"], name=f"n{index}"))
        tensors.append(f"t{index}")
    outputs = rng.sample(tensors[1:], rng.choice((1, 2)))
    return zoo.model(nodes, [T("x", [2, 3])], [T(name, [2, 3]) for name in outputs])


def parts_of(proto: onnx.ModelProto, folder: Path) -> Parts:
    model = open_onnx(zoo.save(proto, folder / "m.onnx"))
    return Parts(Extractor(model), [info.name for info in proto.graph.output])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(25))
def test_exactly_what_is_at_fault(seed: int, mode: Mode, tmp_path: Path) -> None:
    rng = random.Random(seed)
    size = rng.randrange(2, 40)
    parts = parts_of(random_graph(rng, size), tmp_path)
    for _ in range(4):
        guilty = set(rng.sample(range(size), rng.choice((1, 1, min(2, size), min(3, size)))))
        asked: list[Part] = []

        def fails(part: Part | None, guilty: set[int] = guilty, asked: list[Part] = asked) -> bool:
            if part is None:
                return False
            asked.append(part)
            return guilty <= set(part.nodes)

        found = reduce_part(parts, fails, mode)
        assert set(found.nodes) == guilty
        assert len(set(asked)) <= most_checks(size)


@pytest.mark.parametrize("seed", range(10))
def test_every_part_is_a_model(seed: int, tmp_path: Path) -> None:
    """Whatever is asked for can be cut out, runs in its order, and gives its outputs; none is asked for twice."""
    rng = random.Random(seed)
    proto = random_graph(rng, 25)
    parts = parts_of(proto, tmp_path)

    def fails(part: Part | None) -> bool:
        if part is None:
            return False
        made: set[str] = set()
        inputs = set(parts.inputs(part))
        for index in part.nodes:
            assert set(proto.graph.node[index].input) <= made | inputs
            made |= set(proto.graph.node[index].output)
        assert part.outputs
        assert set(part.outputs) <= made
        return rng.random() < 0.5  # an answer without rule ends as well

    assert reduce_part(parts, fails, "bisect").nodes


def test_what_a_part_lacks_is_computed_from_the_models_inputs(tmp_path: Path) -> None:
    nodes = [
        N("Relu", ["x"], ["a"]),
        N("Neg", ["a"], ["b"]),
        N("Abs", ["x"], ["c"]),
        N("Add", ["b", "c"], ["y"]),
    ]
    parts = parts_of(zoo.model(nodes, [T("x", [2])], [T("y", [2])]), tmp_path)
    part = parts.end(parts.whole, 3)
    assert part == Part((3,), ("y",))
    assert parts.inputs(part) == ["b", "c"]
    assert parts.before(["b"]) == Part((0, 1), ("b",))
    assert parts.beginning(parts.whole, 2) == Part((0, 1), ("b",))
    assert parts.beginning(parts.whole, 3) == Part((0, 1, 2), ("b", "c"))
    assert parts.without(parts.whole, 1) == [Part((2, 3), ("y",)), Part((0, 2, 3), ("y", "a"))]
    assert parts.without(parts.whole, 3) == [Part((0, 1, 2), ("b", "c"))]
