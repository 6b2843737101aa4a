"""The entry point: finds the command, builds that command's parser alone, and turns every error into an exit code."""

from __future__ import annotations

import gc
import importlib
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType, MappingProxyType, ModuleType
from typing import NoReturn

from trtkit import __version__
from trtkit.cli.argbind import Parser
from trtkit.cli.console import drop, flush, flush_errors, open_streams
from trtkit.cli.logargs import set_up_logging
from trtkit.errors import TrtkitError, UsageError, one_line
from trtkit.log import keep_failure
from trtkit.suggest import did_you_mean

__all__ = ["COMMANDS", "choose", "entry", "main", "show_commands"]

Table = Mapping[str, tuple[str, str]]

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
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code; see `trtkit.errors` for the codes."""
    prog = "trtkit"
    try:
        command, module = choose(prog, COMMANDS, argv)
        if module is None:
            return _overview(argv)
        prog, rest = f"{prog} {command}", argv[1:]
        subtools = getattr(module, "SUBTOOLS", None)
        if subtools is not None:
            subtool, module = choose(prog, subtools, rest, getattr(module, "LEFT_OUT", {}))
            if module is None:
                return show_commands(prog, COMMANDS[command][1], subtools, rest)
            prog, rest = f"{prog} {subtool}", rest[1:]
        return _execute(prog, module, rest)
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
    except SystemExit as error:  # argparse, after -h and --version
        return error.code if isinstance(error.code, int) else 0
    except Exception:  # noqa: BLE001 - whatever is left is a bug of ours
        if not _received:
            import traceback

            traceback.print_exc()
        return _fail(prog, "this is a bug in trtkit; please report it with the lines above", 5)


def choose(
    prog: str, table: Table, argv: Sequence[str], left_out: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, ModuleType | None]:
    """The command that the first argument names, and its module; no module where no command is named.

    Raises:
        UsageError: there is no such command, or it is one of those that are left out.
    """
    if not argv or argv[0].startswith("-"):
        return "", None
    name = argv[0]
    if name in left_out:
        raise UsageError(f"{name}: {left_out[name]}")
    if name not in table:
        raise UsageError(f"unknown command {name!r}{did_you_mean(name, table)} (known: {', '.join(table)})")
    return name, importlib.import_module(table[name][0])


def show_commands(prog: str, description: str, table: Table, argv: Sequence[str], epilog: str | None = None) -> int:
    """Help and version for a command line that names no command.

    Raises:
        UsageError: it asks for neither.
    """
    parser = Parser(prog=prog, description=description, epilog=epilog)
    parser.add_argument("--version", action="version", version=f"trtkit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (_, text) in table.items():
        commands.add_parser(name, help=text)
    parser.parse_known(argv)
    raise UsageError(f"no command was given (known: {', '.join(table)})")


def _overview(argv: Sequence[str]) -> int:
    about = "Does this model give the same answer here as there? Run, compare and inspect models."
    return show_commands("trtkit", about, COMMANDS, argv, _EPILOG)


def _execute(prog: str, module: ModuleType, argv: Sequence[str]) -> int:
    parser = Parser(prog=prog, description=module.DESCRIPTION)
    module.configure(parser)
    namespace = parser.parse_known(argv)
    return int(module.execute(namespace, set_up_logging(namespace)))


def _fail(name: str, message: str, code: int) -> int:
    if _received:
        message, code = _STOPS[signal.Signals(_received[0])]
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
