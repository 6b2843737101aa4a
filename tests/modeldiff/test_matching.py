"""Which layers belong together: by name, and where names say nothing or mislead, by their place in the graph."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from modeldiff.models import Row, key, layer, matched, model, statuses

from trtkit.description import Layer
from trtkit.modeldiff import diff_models
from trtkit.modeldiff.names import is_generated

CHAIN: list[Row] = [("conv", "Conv", "x", "c"), ("act", "Relu", "c", "r"), ("fc", "Gemm", "r", "y")]


def rows(text: str) -> list[Row]:
    """`name Type a,b -> c` a line; `_` is an empty name."""
    found = []
    for line in text.strip().splitlines():
        left, _, outputs = line.partition(" -> ")
        name, kind, inputs = left.split()
        found.append((name.strip("_"), kind, inputs.replace(",", " ").replace("none", ""), outputs.replace(",", " ")))
    return found


@pytest.mark.parametrize(
    ("name", "kind", "generated"),
    [
        ("conv1", "Conv", True),
        ("Conv_12", "Conv", True),
        ("/layer1/Conv", "Conv", True),
        ("/layer1/Conv_1", "Conv", True),
        ("node_add_3", "Add", True),
        ("12", "Add", True),
        ("(Unnamed Layer* 3) [Shuffle]", "SHUFFLE", True),
        ("ONNXTRT_Broadcast_7", "SHUFFLE", True),
        ("__myl_FcAdd_myl0_12", "kgen", True),
        ("", "Add", True),
        ("stem", "Conv", False),
        ("/layer1/attn/proj", "MatMul", False),
        ("conv1 + bn1", "CaskConvolution", False),
        ("head.0", "Gemm", False),
    ],
)
def test_names_that_a_program_gave(name: str, kind: str, generated: bool) -> None:
    assert is_generated(layer("0", (name, kind, "x", ""))) == generated


def test_equal_models() -> None:
    diff = diff_models(model(CHAIN), model(CHAIN))
    assert diff.equal
    assert [each.matched_by for each in diff.layers] == ["name", "name", "name"]


INSERTED: dict[str, tuple[str, str]] = {
    "numbered names": (
        "Conv_0 Conv x -> 1 \n Relu_1 Relu 1 -> 2 \n Conv_2 Conv 2 -> 3 \n Relu_3 Relu 3 -> y",
        "Abs_0 Abs x -> 1 \n Conv_1 Conv 1 -> 2 \n Relu_2 Relu 2 -> 3 \n Conv_3 Conv 3 -> 4 \n Relu_4 Relu 4 -> y",
    ),
    "no names": (
        "_ Conv x -> 1 \n _ Relu 1 -> 2 \n _ Conv 2 -> 3 \n _ Relu 3 -> y",
        "_ Abs x -> 1 \n _ Conv 1 -> 2 \n _ Relu 2 -> 3 \n _ Conv 3 -> 4 \n _ Relu 4 -> y",
    ),
    "one name for all": (
        "same Conv x -> 1 \n same Relu 1 -> 2 \n same Conv 2 -> 3 \n same Relu 3 -> y",
        "same Abs x -> 1 \n same Conv 1 -> 2 \n same Relu 2 -> 3 \n same Conv 3 -> 4 \n same Relu 4 -> y",
    ),
}


@pytest.mark.parametrize("name", INSERTED)
def test_a_layer_put_in_front_is_the_only_one_that_is_new(name: str) -> None:
    a, b = INSERTED[name]
    diff = diff_models(model(rows(a)), model(rows(b)), names=False)
    assert matched(diff) == {"1": "2", "2": "3", "3": "4", "y": "y"}
    assert statuses(diff) == {"added": ["1"], "changed": ["2"]}
    (change,) = next(each for each in diff.layers if each.status == "changed").changes
    assert (change.what, change.subject, change.a, change.b) == ("input", "0", "x", "1")


def test_names_are_believed_before_the_place() -> None:
    """conv2 is what was second, although it stands where conv1 stood."""
    a = rows("first Conv x -> a \n second Conv a -> y")
    diff = diff_models(model(a), model(rows("second Conv x -> y")))
    assert matched(diff) == {"y": "y"}
    assert statuses(diff) == {"removed": ["a"], "changed": ["y"]}


def test_numbered_names_are_believed_where_the_place_agrees() -> None:
    a = rows("conv1 Conv x -> a \n conv2 Conv a -> y")
    diff = diff_models(model(a), model(rows("conv2 Conv x -> y")))
    assert matched(diff) == {"y": "y"}


def test_a_name_with_another_type() -> None:
    b = [CHAIN[0], ("act", "Gelu", "c", "r"), CHAIN[2]]
    diff = diff_models(model(CHAIN), model(b))
    (found,) = [each for each in diff.layers if each.status != "same"]
    assert [(change.what, change.a, change.b) for change in found.changes] == [("type", "Relu", "Gelu")]
    assert [(each.subject, each.a, each.b) for each in diff.operators] == [("Gelu", None, 1), ("Relu", 1, None)]


def test_renamed_layers_and_tensors() -> None:
    b = rows("stem Conv x -> s \n nonlinear Relu s -> t \n head Gemm t -> y")
    diff = diff_models(model(CHAIN), model(b))
    assert {each.matched_by for each in diff.layers} == {"place"}
    assert [[change.what for change in each.changes] for each in diff.layers] == [["name", "output"]] * 2 + [["name"]]
    assert all(change.renamed for each in diff.layers for change in each.changes)
    assert diff_models(model(CHAIN), model(b), names=False).equal


def test_a_tensor_that_takes_the_name_of_another() -> None:
    """The new layer writes what act read before, under the same name; act has another input all the same."""
    b = rows("conv Conv x -> c0 \n scale Mul c0 -> c \n act Relu c -> r \n fc Gemm r -> y")
    diff = diff_models(model(CHAIN), model(b), names=False)
    found = next(each for each in diff.layers if each.layer.name == "act")
    assert [(change.a, change.b) for change in found.changes] == [("c of layer 0 conv", "c of layer 1 scale")]


def test_swapped_outputs_are_no_renaming() -> None:
    a = rows("p Exp x -> y \n q Neg x -> z")
    b = rows("p Exp x -> z \n q Neg x -> y")
    assert not diff_models(model(a, outputs="y z"), model(b, outputs="y z"), names=False).equal


def test_swapped_inputs_of_a_layer() -> None:
    a = rows("p Exp x -> a \n q Neg x -> b \n s Sub a,b -> y")
    b = rows("p Exp x -> a \n q Neg x -> b \n s Sub b,a -> y")
    diff = diff_models(model(a), model(b))
    assert statuses(diff) == {"changed": ["y"]}


def test_another_constant_is_no_renamed_one() -> None:
    a = rows("p Add x,w1 -> a \n q Add a,w2 -> y")
    b = rows("p Add x,w2 -> a \n q Add a,w2 -> y")
    assert statuses(diff_models(model(a), model(b), names=False)) == {"changed": ["a"]}
    renamed = rows("p Add x,v1 -> a \n q Add a,v2 -> y")
    assert diff_models(model(a), model(renamed), names=False).equal
    merged = rows("p Add x,v -> a \n q Add a,v -> y")
    assert not diff_models(model(merged), model(a), names=False).equal


def test_order_of_layers_does_not_matter() -> None:
    a = rows("_ Exp x -> a \n _ Neg x -> b \n _ Abs a -> c \n _ Sub c,b -> y")
    b = [a[1], a[0], a[2], a[3]]
    assert diff_models(model(a), model(b)).equal


def test_branches_that_look_alike_keep_their_order() -> None:
    a = rows("_ MatMul x,w1 -> q \n _ MatMul x,w2 -> k \n _ Sub q,k -> y")
    b = rows("_ MatMul x,w1 -> q2 \n _ MatMul x,w2 -> k2 \n _ Sub q2,k2 -> z \n _ Neg z -> y")
    diff = diff_models(model(a), model(b), names=False)
    assert matched(diff) == {"q": "q2", "k": "k2", "y": "z"}


def test_subgraphs_are_matched_with_the_layers_around_them() -> None:
    def inner(index: str, kind: str, inputs: str, output: str) -> Layer:
        return layer(index, ("", kind, inputs, output))

    a = model([inner("0", "If", "x", "m"), inner("0/then/0", "Exp", "x", "t"), inner("1", "Neg", "m", "y")])
    b = model([inner("0", "Abs", "x", "n"), inner("1", "If", "n", "m"), inner("1/then/0", "Exp", "n", "t")])
    diff = diff_models(a, b)
    found = {each.a.index: each.b.index for each in diff.layers if each.a is not None and each.b is not None}
    assert found == {"0": "1", "0/then/0": "1/then/0"}
    assert statuses(diff) == {"added": ["n"], "changed": ["m", "t"], "removed": ["y"]}
    other = model([inner("0", "If", "x", "m"), inner("0/else/0", "Exp", "x", "t"), inner("1", "Neg", "m", "y")])
    assert statuses(diff_models(a, other)) == {"removed": ["t"], "added": ["t"]}


def test_layers_of_functions() -> None:
    a = [layer("0", ("", "local.F", "x", "y")), layer("local.F/0", ("", "Exp", "v", "w"))]
    b = [a[0], layer("local.F/0", ("", "Neg", "v", "w"))]
    assert diff_models(model(a), model(a)).equal
    assert statuses(diff_models(model(a), model(b))) == {"changed": ["w"]}


def test_a_loop_back() -> None:
    """TensorRT's recurrences read what comes after them."""
    a = rows("n RECURRENCE x,d -> v \n m SUM v,v -> d \n l LOOP_OUTPUT v -> y")
    assert diff_models(model(a), model(a)).equal
    b = rows("n RECURRENCE x,v -> v \n m SUM v,v -> d \n l LOOP_OUTPUT v -> y")
    assert statuses(diff_models(model(a), model(b))) == {"changed": ["v"]}


def network(number: int, seed: int) -> list[Row]:
    """Blocks with residuals; every name is a number."""
    rnd = random.Random(seed)
    found: list[Row] = []
    last = skip = "x"
    for index in range(number - 1):
        kind = rnd.choice(["Conv", "Relu", "Add", "MatMul"])
        inputs = f"{last} {skip}" if kind == "Add" else f"{last} w{index % 7}" if kind in ("Conv", "MatMul") else last
        found.append((f"n{index}", kind, inputs, f"t{index}"))
        last, skip = f"t{index}", (last if rnd.random() < 0.2 else skip)
    return [*found, ("end", "Identity", last, "y")]


def renumbered(rows: Sequence[Row], insert: Callable[[int], bool]) -> list[Row]:
    """The same with a Tanh after some layers, and all names counted anew."""
    names: dict[str, str] = {}
    found: list[Row] = []
    for index, (name, kind, inputs, output) in enumerate(rows):
        inputs = " ".join(names.get(word, word) for word in inputs.split())
        names[output] = output if output == "y" else f"u{len(found)}"
        found.append((name if kind == "Identity" else f"n{len(found)}", kind, inputs, names[output]))
        if insert(index) and output != "y":
            found.append((f"n{len(found)}", "Tanh", names[output], f"u{len(found)}"))
            names[output] = found[-1][3]
    return found


@pytest.mark.parametrize("seed", range(5))
def test_many_edits_of_a_network_without_any_lasting_name(seed: int) -> None:
    a = network(600, seed)
    b = renumbered(a, lambda index: index % 40 == 11)
    diff = diff_models(model(a), model(b), names=False)
    found = statuses(diff)
    assert len(found["added"]) == sum(kind == "Tanh" for _, kind, _, _ in b)
    assert {each.layer.type for each in diff.layers if each.status == "added"} == {"Tanh"}
    assert "removed" not in found
    assert diff_models(model(a), model(renumbered(a, lambda _: False)), names=False).equal


def test_fifty_thousand_layers() -> None:
    """A tenth of that here; what it takes grows with the number, not its square."""
    a = network(5000, 1)
    models = model(a), model(renumbered(a, lambda index: index % 40 == 11))
    start = time.perf_counter()
    diff = diff_models(*models, names=False)
    assert time.perf_counter() - start < 10
    assert {each.layer.type for each in diff.layers if each.status == "added"} == {"Tanh"}


def test_what_was_removed_stands_after_what_it_followed() -> None:
    a = rows("_ Exp x -> a \n _ Neg a -> b \n _ Abs b -> y")
    b = rows("_ Exp x -> a \n _ Abs a -> y")
    assert [key(each.layer) for each in diff_models(model(a), model(b)).layers] == ["a", "b", "y"]


def test_origin_of_engine_layers() -> None:
    a, b = (
        model([replace(layer("0", (f"__myl_Fc_{n}", "kgen", "x", "y")), origin=origin)])
        for n, origin in ((1, ("fc", "relu")), (2, ("relu", "fc")))
    )
    diff = diff_models(a, b, names=False)
    assert [each.matched_by for each in diff.layers] == ["origin"]
    assert diff.equal
