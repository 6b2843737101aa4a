"""Command lines and the plans that they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.cli.argbind import Parser
from trtkit.cli.logargs import set_up_logging
from trtkit.cli.run import configure, plan_from
from trtkit.comparator.inputs import InputOptions
from trtkit.comparator.options import CompareOptions
from trtkit.errors import UsageError
from trtkit.models import ModelFile
from trtkit.plan import ExecutionOptions, RunnerPlan, RunPlan, SaveOptions


def plan(line: str) -> RunPlan:
    parser = Parser(prog="trtkit run")
    configure(parser)
    return plan_from(parser.parse_known(line.split()))


def run_plan(**fields: Any) -> RunPlan:
    return RunPlan(**{"model": "m.onnx", "runners": ["onnxrt"], **fields})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("m.onnx --onnxrt", run_plan()),
        ("m.onnx --onnxrt --onnxref", run_plan(runners=["onnxrt", "onnxref"])),
        ("m.onnx --onnxref --onnxrt", run_plan(runners=["onnxref", "onnxrt"])),
        (
            "m.onnx --onnxrt --onnxrt",
            run_plan(runners=[RunnerPlan("onnxrt", "onnxrt"), RunnerPlan("onnxrt", "onnxrt-2")]),
        ),
        (
            "m.onnx --runner onnxrt:name=plain,graph-optimization-level=disable_all --onnxrt --runner onnxref",
            run_plan(
                runners=[
                    RunnerPlan("onnxrt", "plain", {"graph_optimization_level": "disable_all"}),
                    RunnerPlan("onnxrt"),
                    RunnerPlan("onnxref"),
                ]
            ),
        ),
        (
            "m.onnx --onnxrt --runner onnxrt:intra-op-threads=2 --ort-intra-op-threads 1 --providers cpu",
            run_plan(
                runners=[
                    RunnerPlan("onnxrt", options={"intra_op_threads": 1, "providers": ("cpu",)}),
                    RunnerPlan("onnxrt", options={"intra_op_threads": 2, "providers": ("cpu",)}),
                ]
            ),
        ),
        (
            "m.onnx --runner onnxrt:providers=[cuda,cpu],provider-options=[cuda:device_id=1]",
            run_plan(
                runners=[
                    RunnerPlan(
                        "onnxrt",
                        options={"providers": ("cuda", "cpu"), "provider_options": {"cuda": {"device_id": "1"}}},
                    )
                ]
            ),
        ),
        ("m.bin --onnxrt --model-type onnx", run_plan(model=ModelFile(Path("m.bin"), "onnx"))),
        (
            "m.onnx --onnxrt --input-shapes x:[1,3] y:[] --seed 7 --val-range [-1,1] y:[0,9] --iters 3",
            run_plan(
                inputs=InputOptions(
                    input_shapes={"x": (1, 3), "y": ()},
                    seed=7,
                    val_range={"": (-1.0, 1.0), "y": (0.0, 9.0)},
                    iterations=3,
                )
            ),
        ),
        ("m.onnx --onnxrt --inputs x:[2]", run_plan(inputs=InputOptions(input_shapes={"x": (2,)}))),
        (
            "m.onnx --onnxrt --load-inputs a.json b.npz --load-input-data c",
            run_plan(inputs=InputOptions(load_inputs=("a.json", "b.npz", "c"))),
        ),
        (
            "m.onnx --onnxrt --data-loader-script json.py:feeds",
            run_plan(inputs=InputOptions(data_loader_script="json.py:feeds")),
        ),
        (
            "m.onnx --onnxrt --load-outputs a.json --load-outputs b.json c",
            run_plan(load_outputs=["a.json", "b.json", "c"]),
        ),
        (
            "m.onnx --onnxrt --warm-up 3 --sequential-runners --use-subprocess",
            run_plan(execution=ExecutionOptions(warm_up=3, sequential_runners=True, use_subprocess=True)),
        ),
        ("m.onnx --onnxrt --seq", run_plan(execution=ExecutionOptions(sequential_runners=True))),
        (
            "m.onnx --onnxrt --save-inputs i.json --save-outputs o --save-input-blob --save-accuracy-results r.json",
            run_plan(
                save=SaveOptions(
                    save_inputs="i.json", save_outputs="o", save_input_blob=".", save_accuracy_results="r.json"
                )
            ),
        ),
        (
            "m.onnx --onnxrt --onnx-outputs mark all --onnx-exclude-outputs t*",
            run_plan(onnx=OnnxOptions(outputs=("mark", "all"), exclude_outputs=("t*",))),
        ),
        (
            "m.onnx --onnxrt --atol y:1e-3 1e-4 --rtol 0 --check-error-stat max",
            run_plan(
                compare=CompareOptions(
                    metrics={
                        "simple": {
                            "atol": {"y": 1e-3, "": 1e-4},
                            "rtol": {"": 0.0},
                            "check_error_stat": {"": "max"},
                        }
                    }
                )
            ),
        ),
        (
            "m.onnx --onnxrt --compare l2 topk --l2-tolerance 3 --check-average --validate",
            run_plan(
                compare=CompareOptions(
                    compare=("l2", "topk"),
                    check_average=True,
                    validate=True,
                    metrics={"l2": {"l2_threshold": {"": 3.0}}},
                )
            ),
        ),
        (
            "--load-outputs a.json b.json --fail-fast",
            RunPlan(load_outputs=["a.json", "b.json"], compare=CompareOptions(fail_fast=True)),
        ),
    ],
)
def test_argv_to_plan(line: str, expected: RunPlan) -> None:
    assert plan(line) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("m.onnx", "nothing to run: choose a backend, such as --onnxrt"),
        ("--onnxrt", "no model was given; put its path first, as in: trtkit run model.onnx --onnxrt"),
        ("--onnxrt --atol 1e-3 m.onnx", "--atol: invalid value 'm.onnx': expected [OUT:]FLOAT"),
        (
            "m.onnx x.onnx --onnxrt",
            "unexpected argument 'x.onnx'; the model's path comes first, before options that take several values",
        ),
        ("m.onnx --onxrt", "unknown option '--onxrt'; did you mean '--onnxrt' or '--onnxref'?"),
        (
            "m.onxx --onnxrt",
            "cannot tell what kind of model 'm.onxx' is from its suffix; did you mean '.onnx'? "
            "(known: .onnx, .engine, .plan, .trt, .py); say it with --model-type onnx|engine|trt-network-script",
        ),
        (
            "m.onnx --runner onxrt",
            "unknown backend 'onxrt'; did you mean 'onnxrt' or 'onnxref'? (known: onnxrt, onnxref, trt)",
        ),
        (
            "m.onnx --runner onnxrt:name=a --runner onnxref:name=a",
            "two runners have the same name; give each a name of its own, as in onnxrt:name=plain",
        ),
        ("m.onnx --onnxref --providers cpu", "no runner uses --providers, an option of onnxrt; add --onnxrt"),
        ("m.onnx --onnxrt --iterations 0", "--iterations: invalid value '0': expected a whole number of at least 1"),
        (
            "m.onnx --onnxrt --input-shapes x",
            "--input-shapes: invalid value 'x': 'x' is not NAME:[D0,D1,...], such as x:[1,3,224,224]",
        ),
        ("m.onnx --onnxrt --val-range 0,1", "--val-range: invalid value '0,1': expected [MIN,MAX] or NAME:[MIN,MAX]"),
        (
            "m.onnx --onnxrt --load-inputs a.json --save-inputs a.json",
            "'a.json' would be read while 'a.json' is written; save somewhere else",
        ),
        (
            "m.onnx --onnxrt --load-inputs d/a.json --save-inputs d",
            "'d/a.json' would be read while 'd' is written; save somewhere else",
        ),
        *(
            (
                f"m.onnx --onnxrt {flag} s.py{function} --save-accuracy-results s.py",
                "'s.py' would be read while 's.py' is written; save somewhere else",
            )
            for flag, function in (
                ("--data-loader-script", ""),
                ("--postprocess-func-script", ":change"),
                ("--compare-func-script", ""),
            )
        ),
        (
            "m.onnx --onnxrt --save-inputs a.json --save-outputs a.json",
            "two options would write 'a.json'; give each a file of its own",
        ),
        ("m.onnx --onnxrt --save-onnx m.onnx", "'m.onnx' is the model itself; save somewhere else"),
        (
            "m.onnx --load-outputs a.json",
            "no runner uses the model; choose a backend, such as --onnxrt",
        ),
        ("--load-outputs a.json --seed 3", "no runner uses --seed; choose a backend, such as --onnxrt"),
        (
            "m.onnx --onnxrt --use-subprocess",
            "--use-subprocess needs --sequential-runners: runners in other processes take turns",
        ),
    ],
)
def test_wrong_command_lines(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(line)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("line", "detail", "level"),
    [
        ("", False, 20),
        ("-v", True, 10),
        ("-vv -q", True, 10),
        ("-q", False, 30),
        ("-qq", False, 40),
        ("-qqqq", False, 40),
        ("--verbosity warning", False, 30),
        ("--verbosity EXTRA_VERBOSE", True, 10),
    ],
)
def test_verbosity(line: str, detail: bool, level: int) -> None:
    from trtkit.log import logger

    parser = Parser(prog="trtkit run")
    configure(parser)
    assert set_up_logging(parser.parse_known(line.split())) is detail
    assert logger.level == level
