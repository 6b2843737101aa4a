"""What a build came to, as text and data, and when it stops."""

from __future__ import annotations

import json

import pytest

from trtkit.errors import ModelError
from trtkit.measuring import begin, runner_report
from trtkit.plan import ExecutionOptions, RunnerPlan
from trtkit.precision_config import Decision, PrecisionConfig
from trtkit.precision_summary import PrecisionShare, PrecisionSummary, check, of_config, summed
from trtkit.report.model import Report, RunnerReport
from trtkit.results import Feed, Outputs
from trtkit.tensors import TensorSpecs

Layers = list[tuple[str, float | None]]

TEXTS: dict[str, tuple[Layers, str]] = {
    "one": ([("fp16", 10.0), ("fp16", 0)], "fp16 2 of 2 layers (100% of multiply-accumulates), by the engine"),
    "two": (
        [("fp16", 994.0), ("fp32", 6.0), ("fp16", 0)],
        "fp32 1 of 3 layers (0.6% of multiply-accumulates), fp16 2 of 3 (99.4%), by the engine",
    ),
    "hardly": (
        [("int8", 99_999.0), ("fp32", 1.0)],
        "fp32 1 of 2 layers (<0.1% of multiply-accumulates), int8 1 of 2 (>99.9%), by the engine",
    ),
    "some cannot be counted": ([("fp16", 10.0), ("fp32", None)], "fp32 1 of 2 layers, fp16 1 of 2, by the engine"),
    "nothing to count": ([("fp16", 0), ("fp32", 0)], "fp32 1 of 2 layers, fp16 1 of 2, by the engine"),
    "no layers": ([], "no layer computes in floating point, by the engine"),
    "some do not tell": (
        [("unknown", 0), ("fp32", 0)],
        "fp32 1 of 2 layers, unknown 1 of 2, by the engine; fp16: not proved",
    ),
}


@pytest.mark.parametrize(("layers", "text"), TEXTS.values(), ids=TEXTS)
def test_text(layers: Layers, text: str) -> None:
    asked = ["fp16"] if "fp16" in text else []
    assert summed("engine", asked, layers).text() == text


def test_there_and_back() -> None:
    summary = summed("network", ("fp16",), [("fp16", 3.0), ("fp32", 1.0)])
    data = json.loads(json.dumps(summary.to_data()))
    assert data == {
        "source": "network",
        "asked": ["fp16"],
        "shares": [
            {"precision": "fp32", "layers": 1, "macs": 0.25},
            {"precision": "fp16", "layers": 1, "macs": 0.75},
        ],
        "unproved": [],
        "note": "",
    }
    assert PrecisionSummary.from_data(data) == summary


def test_what_cannot_be_read_is_not_proved() -> None:
    silent = PrecisionSummary("engine", ("int8",), (), "the engine does not tell")
    assert (silent.text(), silent.unproved, silent.missing) == ("the engine does not tell", ("int8",), ())
    check(silent)
    hidden = summed("engine", ("int8", "fp16"), [("unknown", 0), ("fp16", 0)])
    assert (hidden.unproved, hidden.missing) == (("int8",), ())
    check(hidden)


HONOURED: dict[str, tuple[tuple[str, ...], Layers]] = {
    "nothing asked": ((), [("fp32", 0)]),
    "a part": (("fp16",), [("fp32", 0), ("fp16", 0)]),
    "8 bits and 16 for the rest": (("int8", "fp16"), [("int8", 0), ("fp16", 0)]),
    "no rest": (("int8", "fp16"), [("int8", 0)]),
}


@pytest.mark.parametrize(("asked", "layers"), HONOURED.values(), ids=HONOURED)
def test_honoured(asked: tuple[str, ...], layers: Layers) -> None:
    check(summed("engine", asked, layers))


CHOICE = "TensorRT had the choice and took others"
FORCE = "make TensorRT take it with --layer-precisions and --precision-constraints obey; no engine was saved"
ITSELF = "give a model that quantises itself (trtkit convert MODEL.onnx --int8 -o ...); no engine was saved"
NOTHING = "the model has nothing that can be rewritten to it, or all of that is kept"
KEPT = "keep fewer nodes in FP32; --save-precision-config FILE writes why each one is; no engine was saved"
STOPPED: dict[str, tuple[PrecisionSummary, str]] = {
    "engine": (
        summed("engine", ("fp16",), [("fp32", 0), ("fp32", 0)]),
        "--fp16: nothing would run in fp16: the engine's layers compute in fp32 (2); "
        f"{CHOICE}; leave --fp16 out, or {FORCE}",
    ),
    "int8 of an engine": (
        summed("engine", ("int8", "fp16"), [("fp32", 0), ("fp16", 0)]),
        "--int8: nothing would run in int8: the engine's layers compute in fp32 (1), fp16 (1); "
        f"{CHOICE}; leave --int8 out, or {ITSELF}",
    ),
    "a rest in fp32": (
        summed("engine", ("int8", "fp16"), [("fp32", 0), ("int8", 0)]),
        "--fp16: nothing would run in fp16: the engine's layers compute in fp32 (1), int8 (1); "
        f"{CHOICE}; leave --fp16 out, or {FORCE}",
    ),
    "network": (
        summed("network", ("bf16",), [("fp32", 0)]),
        "--bf16: nothing would run in bf16: the network's layers compute in fp32 (1); "
        f"{NOTHING}; leave --bf16 out, or {KEPT}",
    ),
    "nothing computes": (
        PrecisionSummary("network", ("int8", "fp16"), ()),
        "--int8 and --fp16: nothing would run in int8 and fp16: no layer computes in floating point; "
        f"{NOTHING}; leave --int8 and --fp16 out, or {KEPT}",
    ),
}


@pytest.mark.parametrize(("summary", "message"), STOPPED.values(), ids=STOPPED)
def test_stopped(summary: PrecisionSummary, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        check(summary)
    assert (str(caught.value), caught.value.exit_code) == (message, 3)


def test_shares_are_in_order_of_width() -> None:
    summary = summed("network", (), [("int8", 0), ("odd", 0), ("bf16", 0), ("fp32", 0)])
    assert [share.precision for share in summary.shares] == ["fp32", "bf16", "int8", "odd"]
    assert summary.shares[0] == PrecisionShare("fp32", 1)


class Runner:
    """One that has built something."""

    name = "mine"

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def input_specs(self) -> TensorSpecs:
        return {}

    def infer(self, feed: Feed) -> Outputs:
        return {}

    def precision_summary(self) -> PrecisionSummary:
        return summed("engine", ("fp16",), [("fp16", 0)])


def test_runs_ask_their_runners() -> None:
    measurement = begin(Runner(), {}, ExecutionOptions())
    made = runner_report(RunnerPlan("trt", "mine"), 1, measurement)
    assert made.precision == Runner().precision_summary()
    report = Report("m.onnx", 1, [made, RunnerReport("saved", "replay", 1)])
    assert report.text().splitlines()[-2] == "mine  precision: fp16 1 of 1 layers, by the engine"
    assert [each["precision"] and each["precision"]["asked"] for each in report.to_data()["runners"]] == [
        ["fp16"],
        None,
    ]


def test_nodes_of_a_model_that_nothing_was_decided_on_are_not_claimed() -> None:
    nodes = {"conv": Decision("int8"), "add": Decision("int8")}
    assert of_config(PrecisionConfig(("int8",), nodes)).text() == (
        "int8 2 of 2 nodes that can be quantised, by the model"
    )
    nodes["relu"] = Decision("fp16")
    assert of_config(PrecisionConfig(("int8", "fp16"), nodes)).text() == "fp16 1 of 3 nodes, int8 2 of 3, by the model"
