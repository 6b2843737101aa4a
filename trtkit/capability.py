"""What TensorRT's ONNX parser supports of a model, found by asking it for the whole and then for the parts.

The parser tells of a model that it refuses no more than its first error of some kinds. So what is not refused is cut
into groups, and each group is asked for alone, until all are parsed: what is said to be supported was parsed.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.atomic import replacing_folder
from trtkit.backends.onnx.extract import Extractor
from trtkit.backends.onnx.partition import Group, operator_name
from trtkit.backends.trt.api import package_name, title, version
from trtkit.backends.trt.capability import CapabilityProbe
from trtkit.refusals import Refusals
from trtkit.report.capability import CapabilityReport, Subgraph
from trtkit.report.jsondata import dumps, enveloped
from trtkit.report.text import count

if TYPE_CHECKING:
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.backends.trt.network_options import NetworkOptions
    from trtkit.report.capability import Found

__all__ = ["REPORT_NAME", "SUBTOOL", "Survey", "survey_into"]

log = logging.getLogger(__name__)

SUBTOOL = "capability"

REPORT_NAME = "capability.json"
"""The file in a folder of subgraphs that says which they are."""


class Survey:
    """The parser's answers about one model."""

    def __init__(self, model: LoadedModel, options: NetworkOptions) -> None:
        """Ask for everything.

        Args:
            model: the model; where it is a file as it stands, TensorRT reads that itself.
            options: package, plugins and flags of the parser.

        Raises:
            FileError, ModelError: the model cannot be read, or the package cannot honour an option.
            UsageError: an option names what does not exist.
            MissingPackageError, MissingDeviceError: there is no TensorRT, or it needs a GPU to parse.
        """
        self._model = model
        self._extractor = Extractor(model)
        self._graph = self._extractor.dependencies
        self._refusals = Refusals(self._extractor)
        self._unchecked: dict[tuple[int, ...], str] = {}
        self._probe = CapabilityProbe(options)
        self._place = model.data_dir / model.path.name
        self._groups = self._find_groups()

    def report(self, folder: Path | None = None, files: Sequence[str] = ()) -> CapabilityReport:
        """The answers as data; `files` are the names of the subgraphs' files in `folder`."""
        names = [None] * len(self._groups) if folder is None else files
        return CapabilityReport(
            model=str(self._model.path),
            package=package_name(),
            version=version(),
            title=title(),
            node_count=len(self._graph.nodes),
            reasons=self._refusals.reasons(),
            subgraphs=[self._subgraph(group, name) for group, name in zip(self._groups, names, strict=True)],
            folder=None if folder is None else str(folder),
        )

    def write(self, folder: Path) -> list[str]:
        """Write each subgraph into an empty folder, and return the names of the .onnx files.

        Raises:
            FileError: a file cannot be read or written.
            ModelError: a subgraph is larger than 2 GB without its external data.
        """
        names = []
        for index, group in enumerate(self._groups):
            name = f"{index}-{self._subgraph(group, None).status}.onnx"
            self._extractor.save(group.nodes, self._refusals.nodes, folder / name)
            names.append(name)
        return names

    def _find_groups(self) -> list[Group]:
        """Ask until every group of what is left is parsed, or cannot be asked for."""
        file = self._model.as_file()
        if file is not None:
            errors = self._probe.ask_file(file)
        else:
            errors = self._probe.ask_bytes(self._model.graph_bytes(), self._place)
        self._refusals.blame(errors, range(len(self._graph.nodes)), "whole")
        asked: set[tuple[int, ...]] = set()
        while True:
            groups = self._graph.groups(self._refusals.nodes)
            before = len(self._refusals.nodes)
            for group in groups:
                if group.supported and group.nodes not in asked:
                    asked.add(group.nodes)
                    self._check(group, parsed=not errors)
            if len(self._refusals.nodes) == before:
                return groups
            log.debug("%s refused so far", count(len(self._refusals.nodes), "node"))

    def _check(self, group: Group, parsed: bool) -> None:
        """Ask for one group, unless the whole model was parsed."""
        found: Found = "whole" if len(group.nodes) == len(self._graph.nodes) else "part"
        doubt = self._doubt(group)
        if doubt is not None:
            self._unchecked[group.nodes] = doubt
            if not parsed:
                self._check_operators(group, found)
        elif not parsed:
            refused = self._refusals.nodes
            members = (*self._extractor.constants(group.nodes, refused), *group.nodes)
            before = len(refused)
            errors = self._probe.ask_bytes(self._extractor.content(group.nodes, refused), self._place)
            self._refusals.blame(errors, members, found)
            if errors and len(refused) == before:  # an error that is about no node, or none that is known
                for index in group.nodes:
                    self._refusals.add(index, errors[0], found)

    def _check_operators(self, group: Group, found: Found) -> None:
        """Ask for the operators of a group that cannot be parsed; before TensorRT 10 nobody has looked at them yet."""
        operators = {index: self._graph.nodes[index].op_type for index in group.nodes}
        refused = self._probe.unknown_operators(set(operators.values()) - self._extractor.functions)
        for index, operator in operators.items():
            if operator in refused:
                self._refusals.add(index, replace(refused[operator], node=index), found)

    def _doubt(self, group: Group) -> str | None:
        """Why a group cannot be parsed alone: without a type for an input, and without a rank it would be a scalar."""
        for spec in self._extractor.boundary(group.nodes, self._refusals.nodes)[0]:
            if spec.dtype is None:
                return f"the type of its input {spec.name!r} is not known"
            if spec.shape is None:
                return f"the rank of its input {spec.name!r} is not known, and TensorRT would take it for a scalar"
        return None

    def _subgraph(self, group: Group, file: str | None) -> Subgraph:
        inputs, outputs = self._extractor.boundary(group.nodes, self._refusals.nodes)
        operators = Counter(operator_name(self._graph.nodes[index]) for index in group.nodes)
        return Subgraph(
            supported=group.supported,
            unchecked=self._unchecked.get(group.nodes) if group.supported else None,
            nodes=group.nodes,
            operators=dict(operators.most_common()),
            inputs=inputs,
            outputs=outputs,
            file=file,
        )


def survey_into(folder: Path, model: LoadedModel, options: NetworkOptions) -> CapabilityReport:
    """Ask the parser, and write each subgraph as an ONNX file into a folder, with the report as capability.json.

    The folder is written all or nothing. One that an earlier call wrote is replaced.

    Raises:
        FileError: it cannot be written, or holds other files.
    """
    with replacing_folder(folder, _is_ours) as temporary:
        survey = Survey(model, options)
        report = survey.report(folder, survey.write(temporary))
        (temporary / REPORT_NAME).write_text(f"{dumps(enveloped(SUBTOOL, report.to_data()))}\n", encoding="utf-8")
    return report


def _is_ours(folder: Path) -> bool:
    """Whether `survey_into` wrote this folder, and nobody put anything else into it since."""
    try:
        data = json.loads((folder / REPORT_NAME).read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("schema") != enveloped(SUBTOOL, {})["schema"]:
            return False
        files = {each["file"] for each in data["subgraphs"]}
        known = {REPORT_NAME, *files, *(f"{file}.data" for file in files)}
        return {entry.name for entry in folder.iterdir()} <= known
    except (OSError, ValueError, KeyError, TypeError):
        return False
