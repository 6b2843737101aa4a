"""The entry point: finds the command, prints its help, or carries it out and turns every error into an exit code."""

from __future__ import annotations

import gc
import importlib
import signal
import sys

from trtkit import __version__
from trtkit.cli.console import drop, emit, flush, flush_errors, open_streams
from trtkit.cli.outline import asks_for, has_outline, read_outline
from trtkit.errors import TrtkitError, UsageError, one_line
from trtkit.suggest import did_you_mean

TYPE_CHECKING = False  # as in trtkit.cli.outline
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType, ModuleType
    from typing import Any, NoReturn

    from trtkit.cli.argbind import Parser

    Table = Mapping[str, tuple[str, str]]

__all__ = ["COMMANDS", "choose", "entry", "main"]

COMMANDS: Table = {
    "run": ("trtkit.cli.run", "run a model under several backends and compare every output"),
    "suite": ("trtkit.cli.suite", "run the jobs of a suite file, each in a process of its own, and report on them"),
    "convert": ("trtkit.cli.convert", "build a TensorRT engine, or save an edited ONNX model"),
    "inspect": ("trtkit.cli.inspect", "look inside models and saved data"),
    "check": ("trtkit.cli.check", "give a verdict on what was saved, without running anything"),
    "debug": ("trtkit.cli.debug", "find what makes a model fail: nodes, precisions, builds"),
    "template": ("trtkit.cli.template", "write a script to start from"),
}
"""Command to module and help. The module has `DESCRIPTION`, `configure(parser)` and `execute(namespace, detail)`,
or else a table `SUBTOOLS` of the same form as this one, and perhaps `LEFT_OUT`: names of other tools' subtools and
what to tell people who type them."""

_HELP, _HELP_ALL = ("-h", "--help"), "--help-all"

_ABOUT = "Does this model give the same answer here as there? Run, compare and inspect models."

_EPILOG = """exit codes: 0 ran and matched; 1 differs or failed validation; 2 wrong command line; 3 could not be carried
out; 4 something is missing on this machine; 5 a bug in trtkit; 130 interrupted; 143 terminated"""


_STOPS = {signal.SIGINT: ("interrupted", 130), signal.SIGTERM: ("terminated", 143)}

_received: list[int] = []
"""Signals that asked us to stop; a library may turn the exception into one of its own (an extension module that is
just being loaded, an ImportError), so the exit code is told from here."""


def entry() -> NoReturn:
    """The console script `trtkit`."""
    # Start-up makes thousands of objects that all stay; looking for garbage among them only costs time.
    gc.set_threshold(50_000)
    open_streams()
    for number in _STOPS:
        signal.signal(number, _stop)
    code = main(sys.argv[1:])
    for number in _STOPS:
        signal.signal(number, signal.SIG_DFL)  # nothing is left to tidy, so a late signal needs no traceback
    try:
        flush()
    except OSError as error:
        drop(sys.stdout)
        code = _fail("trtkit", f"cannot write to standard output: {error.strerror}", 3)
    flush_errors()
    gc.freeze()  # nor does looking for garbage once more, as the interpreter does at its end
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code; see `trtkit.errors` for the codes."""
    prog = "trtkit"
    try:
        command = choose(COMMANDS, argv)
        if not command:
            return _without_command(prog, _ABOUT, COMMANDS, argv, _EPILOG)
        prog, rest = f"{prog} {command}", argv[1:]
        path, about = COMMANDS[command]
        if not has_outline(prog):
            tools = importlib.import_module(path)
            tool = choose(tools.SUBTOOLS, rest, getattr(tools, "LEFT_OUT", {}))
            if not tool:
                return _without_command(prog, about, tools.SUBTOOLS, rest)
            prog, rest, path = f"{prog} {tool}", rest[1:], tools.SUBTOOLS[tool][0]
        outline = read_outline(prog)
        if asks_for((*_HELP, _HELP_ALL), rest):
            from trtkit.cli.helptext import help_text, terminal_width

            emit(help_text(outline, terminal_width(), everything=asks_for((_HELP_ALL,), rest)))
            return 0
        return _execute(outline, path, rest)
    except TrtkitError as error:
        return _fail(prog, one_line(error, 4000), error.exit_code)
    except BrokenPipeError:
        drop(sys.stdout)
        return 0
    except OSError as error:
        # The machine's refusals that no border foresaw, such as a full disk under a temporary file.
        place = f" ({error.filename})" if error.filename else ""
        return _fail(prog, f"{error.strerror or one_line(error)}{place}", 3)
    except MemoryError as error:
        return _fail(prog, f"out of memory: {one_line(error)}", 3)
    except KeyboardInterrupt:
        return _fail(prog, *_STOPS[signal.SIGINT])
    except Exception:  # noqa: BLE001 - whatever is left is a bug of ours
        if not _received:
            import traceback

            traceback.print_exc()
        return _fail(prog, "this is a bug in trtkit; please report it with the lines above", 5)


def choose(table: Table, argv: Sequence[str], left_out: Mapping[str, str] | None = None) -> str:
    """The command that the first argument names; empty where none is named.

    Raises:
        UsageError: there is no such command, or it is one of those that are left out.
    """
    if not argv or argv[0].startswith("-"):
        return ""
    name = argv[0]
    if left_out and name in left_out:
        raise UsageError(f"{name}: {left_out[name]}")
    if name not in table:
        raise UsageError(f"unknown command {name!r}{did_you_mean(name, table)} (known: {', '.join(table)})")
    return name


def _without_command(prog: str, about: str, table: Table, argv: Sequence[str], epilog: str = "") -> int:
    """Help and version for a command line that names no command."""
    if argv and argv[0] in _HELP:
        from trtkit.cli.helptext import commands_help, terminal_width

        emit(commands_help(prog, about, table, epilog, terminal_width()))
        return 0
    if argv and argv[0] == "--version":
        emit(f"trtkit {__version__}")
        return 0
    if argv:
        raise UsageError(f"unknown option {argv[0]!r}{did_you_mean(argv[0], (*_HELP, '--version'))}")
    raise UsageError(f"no command was given (known: {', '.join(table)})")


def _execute(outline: Mapping[str, Any], path: str, argv: Sequence[str]) -> int:
    from trtkit.cli.logargs import set_up_logging
    from trtkit.cli.outlining import parser_for
    from trtkit.cli.written import check_apart

    module = importlib.import_module(path)
    parser = parser_for(outline, argv) or _whole_parser(outline["prog"], module)
    namespace = parser.parse_known(argv)
    check_apart(namespace)
    return int(module.execute(namespace, set_up_logging(namespace)))


def _whole_parser(prog: str, module: ModuleType) -> Parser:
    from trtkit.cli.argbind import Parser

    parser = Parser(prog=prog)
    module.configure(parser)
    return parser


def _fail(name: str, message: str, code: int) -> int:
    if _received:
        message, code = _STOPS[signal.Signals(_received[0])]
    from trtkit.log import keep_failure

    keep_failure(message, sys.exc_info()[1], with_traceback=code == 5)
    try:
        print(f"{name}: error: {message}", file=sys.stderr)  # noqa: T201 - the one place where errors are printed
    except OSError:
        drop(sys.stderr)
    return code


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    """Leave through an exception, so that temporary files are removed on the way out."""
    _received.append(signum)
    raise KeyboardInterrupt
