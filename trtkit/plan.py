"""The plan: everything that a run is going to do, as frozen dataclasses.

It is the only thing between the command line and the work. `trtkit run` builds one, `--gen-script` prints one as
Python, and a worker process gets one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.comparator.inputs import InputOptions
from trtkit.comparator.options import CompareOptions
from trtkit.errors import UsageError
from trtkit.models import ModelFile
from trtkit.options import changed_flags, option, parse_bytes, parse_count
from trtkit.plan_paths import check_paths, script_file
from trtkit.precision_config import PRECISIONS, Precision
from trtkit.report.rendering import report_path, report_suffix

__all__ = ["ExecutionOptions", "RunPlan", "RunnerPlan", "SaveOptions", "asked_of"]

_RUNNERS_FILES = ("save_engine", "save_tactics")
"""Options of runners that name a file which the next runner with the same one would write over."""

_WITHOUT_RUNNER = ("postprocess_func_script", "compare_func_script", "report", "save_accuracy_results")
"""Options that also serve where saved outputs are compared and nothing runs."""


@dataclass(frozen=True)
class RunnerPlan:
    """One runner to be made.

    Attributes:
        backend: a name of the table of backends, or one that an installed package offers.
        name: its name in results; empty for the backend's name, numbered when it is taken (`onnxrt-2`).
        options: values by field name of the backend's Options, e.g. `{"graph_optimization_level": "disable_all"}`.
    """

    backend: str
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExecutionOptions:
    """How the runners are run."""

    warm_up: int = option(
        0, "--warm-up", help="untimed inferences of each runner before the first", parse=parse_count(0), metavar="N"
    )
    duration: float | None = option(
        None,
        "--duration",
        help="time each runner alone on the first feed for at least this long, instead of in the iterations compared",
        parse=float,
        metavar="SECONDS",
    )
    sequential_runners: bool = option(
        False,
        "--sequential-runners",
        help="run one runner over all feeds, then the next; outputs wait on disk (default: all runners on each feed)",
    )
    max_memory: int | None = option(
        None,
        "--max-memory",
        help="run the ONNX model in parts, so that the tensors of all runners that are in memory at once have at most "
        "this many bytes (512M, 2G); for --onnxrt and --onnxref with --onnx-outputs (docs/every-layer.md)",
        parse=parse_bytes,
        metavar="BYTES",
    )
    use_subprocess: bool = option(
        False, "--use-subprocess", help="run each runner in a process of its own; needs --sequential-runners"
    )
    postprocess_func_script: str | None = option(
        None,
        "--postprocess-func-script",
        help="script that changes outputs before they are compared (default function: postprocess_outputs)",
        metavar="FILE.py[:FUNC]",
    )
    compare_func_script: str | None = option(
        None,
        "--compare-func-script",
        help="script that compares outputs (default function: compare_outputs); with --compare, both must pass",
        metavar="FILE.py[:FUNC]",
    )

    def __post_init__(self) -> None:
        if self.duration is not None and not 0 < self.duration < inf:
            raise UsageError(f"--duration {self.duration}: expected seconds above 0, such as 5 or 0.5")
        if self.use_subprocess and not self.sequential_runners:
            raise UsageError("--use-subprocess needs --sequential-runners: runners in other processes take turns")


@dataclass(frozen=True)
class SaveOptions:
    """What is written to disk."""

    save_inputs: str | None = option(
        None,
        "--save-inputs",
        "--save-input-data",
        help="save the inputs; the suffix chooses the format (.json, .npz, .safetensors, none for a folder)",
        metavar="PATH",
    )
    save_input_blob: str | None = option(
        None,
        "--save-input-blob",
        help="save each input's raw bytes as DIR/ITERATION/NAME.bin (bare: the current folder)",
        metavar="DIR",
        const=".",
    )
    save_outputs: str | None = option(
        None,
        "--save-outputs",
        "--save-results",
        help="save the outputs of every runner; formats as for --save-inputs",
        metavar="PATH",
    )
    save_baseline: str | None = option(
        None,
        "--save-baseline",
        help="save the inputs and the last runner's outputs, with hashes, as a folder for --baseline",
        metavar="DIR",
    )
    save_accuracy_results: str | None = option(
        None,
        "--save-accuracy-results",
        help="save the report as JSON, whatever the suffix: as --report",
        metavar="PATH",
    )
    report: Sequence[str] = option(
        (),
        "--report",
        help="save the report, also of a run that fails; each suffix chooses the form: .json (docs/report.md), .xml "
        "(JUnit), .md (Markdown), .html (a page with plots)",
        metavar="FILE",
        parse=report_path,
        count="+",
    )

    def __post_init__(self) -> None:
        given = (self.report,) if isinstance(self.report, (str, Path)) else self.report
        object.__setattr__(self, "report", tuple(report_path(str(path)) for path in given))

    @property
    def report_files(self) -> tuple[tuple[str, str], ...]:
        """The files that the report is written to, each with the suffix that says in which form."""
        json = () if self.save_accuracy_results is None else ((self.save_accuracy_results, ".json"),)
        return (*json, *((path, report_suffix(path)) for path in self.report))

    @property
    def records_iterations(self) -> bool:
        """Whether a file is asked for that tells of single iterations."""
        return self.asks_for(".json", ".html")

    def asks_for(self, *suffixes: str) -> bool:
        """Whether the report is asked for in one of these forms."""
        return any(suffix in suffixes for _, suffix in self.report_files)


@dataclass(frozen=True)
class RunPlan:
    """A run: which model, which runners, on what inputs, compared how.

    The last result in order is the expected one, saved outputs counting after runners and a baseline after these;
    every other result is compared with it.

    Attributes:
        model: the model, as `ModelFile` or as a path that tells its kind.
        runners: runners in order; a plain string stands for a backend with its defaults.
        load_outputs: files or folders of saved outputs that are compared like the answers of a runner.
        baseline: a folder that `save.save_baseline` wrote: its inputs are used, its outputs expected.
        baseline_of: the model that the baseline was made from, where `model` is another form of it.
        waivers: files of known failures, which do not make the run fail.

    Raises:
        UsageError: there is nothing to run, or options contradict each other.
    """

    model: ModelFile | str | Path | None = None
    runners: Sequence[RunnerPlan | str] = ()
    load_outputs: Sequence[str | Path] = ()
    inputs: InputOptions = field(default_factory=InputOptions)
    onnx: OnnxOptions = field(default_factory=OnnxOptions)
    execution: ExecutionOptions = field(default_factory=ExecutionOptions)
    compare: CompareOptions = field(default_factory=CompareOptions)
    save: SaveOptions = field(default_factory=SaveOptions)
    baseline: str | Path | None = None
    baseline_of: str | Path | None = None
    waivers: Sequence[str | Path] = ()

    def __post_init__(self) -> None:
        if isinstance(self.model, (str, Path)):
            object.__setattr__(self, "model", ModelFile.parse(self.model))
        runners = [self.runners] if isinstance(self.runners, str) else self.runners
        object.__setattr__(self, "runners", tuple(_named(runners)))
        for name in ("load_outputs", "waivers"):
            paths = getattr(self, name)
            paths = [paths] if isinstance(paths, (str, Path)) else paths
            object.__setattr__(self, name, tuple(str(path) for path in paths))
        for name in ("baseline", "baseline_of"):
            path = getattr(self, name)
            object.__setattr__(self, name, None if path is None else str(path))
        self._check_sides()
        self._check_baseline()
        self._check_precision()
        self._check_paths()
        if self.execution.max_memory is not None:
            from trtkit.plan_parts import check_parts

            check_parts(self)

    @property
    def model_file(self) -> ModelFile | None:
        """The model with its kind."""
        assert self.model is None or isinstance(self.model, ModelFile)  # __post_init__ saw to it
        return self.model

    @property
    def named_runners(self) -> tuple[RunnerPlan, ...]:
        """The runners, each with its final name."""
        return tuple(each for each in self.runners if isinstance(each, RunnerPlan))

    @property
    def loads(self) -> tuple[str, ...]:
        """The files and folders that are read, beside the model and what only runners read."""
        loads = [*map(str, self.inputs.load_inputs), *map(str, self.load_outputs), *map(str, self.waivers)]
        optional = (self.onnx.precision_config, self.compare.tolerances, self.baseline, self.baseline_of)
        loads += [str(path) for path in optional if path is not None]
        execution = self.execution
        scripts = (self.inputs.data_loader_script, execution.postprocess_func_script, execution.compare_func_script)
        return (*loads, *(script_file(str(text)) for text in scripts if text is not None))

    @property
    def saves(self) -> tuple[str, ...]:
        """The files and folders that are written."""
        saves = [getattr(self.save, each.name) for each in fields(self.save) if each.name != "report"]
        saves += [*self.save.report, self.onnx.save_onnx, self.onnx.save_precision_config]
        saves += [runner.options.get(name) for runner in self.named_runners for name in _RUNNERS_FILES]
        return tuple(str(path) for path in saves if path is not None)

    @property
    def vouched_for(self) -> tuple[str, ...]:
        """What the user says and trtkit cannot check, one line each."""
        if self.baseline_of is None or self.model_file is None:
            return ()
        return (
            f"{self.model_file.text} is taken for another form of {self.baseline_of}, which the baseline "
            f"{self.baseline} was made from",
        )

    def _check_sides(self) -> None:
        if self.runners and self.model is None:
            raise UsageError("no model was given; put its path first, as in: trtkit run model.onnx --onnxrt")
        if not self.runners and not self.load_outputs:
            raise UsageError("nothing to run: choose a backend, such as --onnxrt")
        if not self.runners:
            unused = [] if self.model is None else ["the model"]
            unused += [] if self.baseline is None else ["--baseline"]
            for name in ("inputs", "onnx", "execution"):
                unused += changed_flags(getattr(self, name), _WITHOUT_RUNNER)
            unused += changed_flags(self.save, _WITHOUT_RUNNER)
            if unused:
                raise UsageError(f"no runner uses {unused[0]}; choose a backend, such as --onnxrt")

    def _check_baseline(self) -> None:
        if self.baseline is None:
            if self.baseline_of is not None:
                raise UsageError("--baseline-of has no effect without --baseline")
        elif not self.inputs.load_inputs and self.inputs.data_loader_script is None:
            for flag in changed_flags(self.inputs, without=("input_shapes", "iterations")):
                raise UsageError(f"{flag} shapes random data, but --baseline gives the inputs; leave one out")

    def _check_precision(self) -> None:
        asked = [each for each in map(asked_of, self.named_runners) if each]
        todo = "add --fp16 to --trt, --ort-precision fp16 to --onnxrt, or --fp-to-fp16 for all runners"
        self.onnx.check_asked({precision for each in asked for precision in each}, todo)
        decisions = dict.fromkeys([*([("fp16",)] if self.onnx.fp_to_fp16 else []), *asked])
        if self.onnx.save_precision_config is not None and len(decisions) > 1:
            first, second, *_ = (" and ".join(each) for each in decisions)
            raise UsageError(
                f"--save-precision-config: one file holds the decisions for {first} or for {second}, not both; "
                "ask for them in runs of their own"
            )

    def _check_paths(self) -> None:
        folders = [] if self.save.save_baseline is None else [self.save.save_baseline]
        check_paths(self.loads, self.saves, self.model_file, folders)


def asked_of(runner: RunnerPlan) -> tuple[Precision, ...]:
    """The precisions lower than its model's that a runner is to compute in."""
    named = runner.options.get("precision") or ()
    listed = (named,) if isinstance(named, str) else tuple(named)
    return tuple(each for each in PRECISIONS if each in listed or runner.options.get(each))


def _named(runners: Sequence[RunnerPlan | str]) -> Iterator[RunnerPlan]:
    """Every runner with a name of its own, chosen so that it is the same in every run of the same plan."""
    plans = [RunnerPlan(each) if isinstance(each, str) else each for each in runners]
    taken = {each.name for each in plans if each.name}
    if len(taken) < sum(bool(each.name) for each in plans):
        raise UsageError("two runners have the same name; give each a name of its own, as in onnxrt:name=plain")
    for each in plans:
        name, number = each.name or each.backend, 1
        while not each.name and name in taken:
            number += 1
            name = f"{each.backend}-{number}"
        taken.add(name)
        yield RunnerPlan(each.backend, name, dict(each.options))
