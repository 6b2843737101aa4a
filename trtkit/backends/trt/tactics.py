"""Tactic replay: which tactic TensorRT chose for each layer, written and forced again.

The file is Polygraphy's: `{"replay": {LAYER: {"implementation", "tactic", "inputs", "outputs", "polygraphy_class"}},
"polygraphy_class": "TacticReplayData"}`, an input or output being `{"dtype": "DataType.FLOAT", "strides",
"vectorized_dim", "components_per_element", "polygraphy_class": "TensorInfo"}`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trtkit.atomic import replacing
from trtkit.backends.trt.api import need, trt
from trtkit.backends.trt.build_config import BuildConfig, accepted
from trtkit.errors import FileError, ModelError, one_line
from trtkit.suggest import listing, near_files

__all__ = ["load_tactics", "read_replay", "record_tactics"]

_log = logging.getLogger(__name__)

_FEATURES = (
    "IBuilderConfig.algorithm_selector",
    "IAlgorithmSelector",
    "IAlgorithm",
    "IAlgorithmVariant",
    "IAlgorithmIOInfo",
)

Replay = dict[str, Any]
"""Layer name to algorithm, both as in the file."""


def record_tactics(build: BuildConfig, path: Path, flag: str) -> None:
    """Write the tactics of this build to a file, after the build.

    Raises:
        ModelError: the package has no algorithm selector.
    """
    _need_selector(flag)
    replay: Replay = {}
    base: Any = trt().IAlgorithmSelector

    class Recorder(base):  # type: ignore[misc]  # a base class that is known at run time only
        """Leaves every choice to TensorRT and keeps what it chose."""

        def __init__(self) -> None:
            base.__init__(self)

        def select_algorithms(self, context: Any, choices: Sequence[Any]) -> list[int]:
            """All of them may be tried."""
            return list(range(len(choices)))

        def report_algorithms(self, contexts: Sequence[Any], choices: Sequence[Any]) -> None:
            """Called with the final choice, once for each profile."""
            with build.callback():
                for context, choice in zip(contexts, choices, strict=True):
                    replay[context.name] = _describe(context, choice)

    with accepted(flag):
        build.config.algorithm_selector = Recorder()
    build.after.append(lambda: _write(path, replay))


def load_tactics(build: BuildConfig, path: Path, flag: str) -> None:
    """Force the tactics of a file; what TensorRT chose in the end is checked against it.

    Layers that the file does not name are left to TensorRT.

    Raises:
        FileError: the file is missing or holds no tactics.
        ModelError: the package has no algorithm selector. After the build: a tactic of the file cannot be had, or
            the network has no layer of that name.
    """
    _need_selector(flag)
    replay = read_replay(path)
    seen: set[str] = set()
    base: Any = trt().IAlgorithmSelector

    class Replayer(base):  # type: ignore[misc]  # a base class that is known at run time only
        """Offers TensorRT one choice only, wherever the file has one."""

        def __init__(self) -> None:
            base.__init__(self)

        def select_algorithms(self, context: Any, choices: Sequence[Any]) -> list[int]:
            """The position of the tactic to take, or of all."""
            with build.callback():
                if context.name in replay:
                    return [_position(context, choices, replay[context.name])]
                return list(range(len(choices)))
            return []

        def report_algorithms(self, contexts: Sequence[Any], choices: Sequence[Any]) -> None:
            """Called with the final choice, once for each profile."""
            with build.callback():
                for context, choice in zip(contexts, choices, strict=True):
                    seen.add(context.name)
                    wanted = replay.get(context.name)
                    if wanted is not None and _describe(context, choice) != wanted:
                        raise ModelError(f"{flag}: TensorRT chose another tactic for the layer {context.name!r}")

    with accepted(flag):
        build.config.algorithm_selector = Replayer()
    build.after.append(lambda: _check_all_used(flag, replay, seen))


def read_replay(path: Path) -> Replay:
    """The tactics of a file by layer.

    Raises:
        FileError: it is missing, cannot be read or holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileError(f"there is no tactic replay {str(path)!r}{near_files(path)}") from error
    except OSError as error:
        raise FileError(f"cannot read the tactic replay {str(path)!r}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"the tactic replay {str(path)!r} is no JSON: {one_line(error)}") from error
    replay = data.get("replay") if isinstance(data, dict) else None
    if not isinstance(replay, dict) or not all(map(_is_algorithm, replay.values())):
        raise FileError(f"{str(path)!r} is no tactic replay, as --save-tactics writes it")
    return replay


def _is_algorithm(entry: Any) -> bool:
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(name), int) for name in ("implementation", "tactic")
    ):
        return False
    sides = [entry.get("inputs"), entry.get("outputs")]
    return all(isinstance(side, list) and all(map(_is_tensor, side)) for side in sides)


def _is_tensor(info: Any) -> bool:
    known = {"dtype": str, "strides": list, "vectorized_dim": int, "components_per_element": int}
    return isinstance(info, dict) and all(isinstance(info.get(name), kind) for name, kind in known.items())


def _need_selector(flag: str) -> None:
    for feature in _FEATURES:
        need(feature, flag, "its builds cannot be steered layer by layer; leave the option out")


def _describe(context: Any, algorithm: Any) -> dict[str, Any]:
    """An algorithm as the file has it."""
    variant = algorithm.algorithm_variant
    total = context.num_inputs + context.num_outputs
    tensors = [_describe_tensor(algorithm.get_algorithm_io_info(index)) for index in range(total)]
    return {
        "implementation": int(variant.implementation),
        "tactic": int(variant.tactic),
        "inputs": tensors[: context.num_inputs],
        "outputs": tensors[context.num_inputs :],
        "polygraphy_class": "Algorithm",
    }


def _describe_tensor(info: Any) -> dict[str, Any]:
    return {
        "dtype": f"DataType.{info.dtype.name}",
        "strides": [int(stride) for stride in info.strides],
        "vectorized_dim": int(info.vectorized_dim),
        "components_per_element": int(info.components_per_element),
        "polygraphy_class": "TensorInfo",
    }


def _position(context: Any, choices: Sequence[Any], wanted: dict[str, Any]) -> int:
    for index, choice in enumerate(choices):
        if _describe(context, choice) == wanted:
            return index
    raise ModelError(
        f"the layer {context.name!r} cannot have the tactic {wanted['tactic']} of implementation "
        f"{wanted['implementation']} that --load-tactics names; TensorRT offers {len(choices)} others"
    )


def _check_all_used(flag: str, replay: Replay, seen: set[str]) -> None:
    unused = [name for name in replay if name not in seen]
    if unused:
        raise ModelError(f"{flag}: the network has no such layers as the file names: {listing(unused)}")
    _log.info("%d of %d layers were built with the tactics that were asked for", len(replay), len(seen))


def _write(path: Path, replay: Replay) -> None:
    data = {"replay": replay, "polygraphy_class": "TacticReplayData"}
    with replacing(path) as file:
        file.write(json.dumps(data, indent=4).encode())
    _log.info("saved the tactics of %d layers to %s", len(replay), path)
