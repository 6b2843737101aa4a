"""The user's own scripts, `file.py:function`. This is the only module that runs a user's code from a file.

A script is loaded under a private module name, so it may be called anything (`json.py`, `copy.py`), and its folder is
put at the *end* of the import path, so its neighbours can be imported and shadow nothing. Whatever a script raises
becomes a ScriptError that names the script's own line. What it prints goes to standard error: results are alone on
standard output.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from trtkit.errors import ScriptError, TrtkitError, one_line
from trtkit.suggest import did_you_mean, listing, near_files

__all__ = ["UserScript", "load_script"]


@dataclass(frozen=True)
class UserScript:
    """One object of a user's script, most often a function.

    Attributes:
        path: the script.
        name: the object's name in it.
        value: the object.
    """

    path: Path
    name: str
    value: Any

    def call(self, *args: Any, **offered: Any) -> Any:
        """Call the function with `args`, and with those of `offered` that its parameters name.

        Raises:
            ScriptError: it is not callable, asks for something that is not offered, or raises.
        """
        if not callable(self.value):
            raise ScriptError(f"{self.path}: {self.name!r} is a {type(self.value).__name__}, not a function")
        wanted = self._wanted(len(args), offered)
        with self.guard():
            return self.value(*args, **wanted)

    def iterate(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield what an iterable of the script's yields; its errors become ScriptErrors too."""
        with self.guard():
            iterator = iter(values)
        while True:
            with self.guard():
                try:
                    value = next(iterator)
                except StopIteration:
                    return
            yield value

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn whatever the script raises into a ScriptError with the script's line; it prints to standard error."""
        try:
            with redirect_stdout(sys.stderr):
                yield
        except TrtkitError:
            raise
        except (Exception, SystemExit) as error:  # a user's code may raise anything
            raise ScriptError(describe_failure(self.path, error)) from error

    def _wanted(self, positional: int, offered: dict[str, Any]) -> dict[str, Any]:
        try:
            parameters = list(inspect.signature(self.value).parameters.values())
        except (TypeError, ValueError):  # builtins without a signature
            return {}
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return offered
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        takes_any = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
        places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if len(places) < positional and not takes_any:
            raise ScriptError(f"{self.where()}: {self.name} takes {len(places)} positional arguments, not {positional}")
        wanted = {}
        for parameter in named:
            if parameter in places[:positional]:
                continue
            if parameter.name in offered:
                wanted[parameter.name] = offered[parameter.name]
            elif parameter.default is parameter.empty:
                known = listing(sorted(offered)) if offered else "no parameters"
                hint = did_you_mean(parameter.name, offered)
                raise ScriptError(
                    f"{self.where()}: {self.name} asks for {parameter.name!r}, but can have {known}{hint}"
                )
        return wanted

    def where(self) -> str:
        """The script with the line of the function, for messages."""
        code = getattr(self.value, "__code__", None)
        return f"{self.path}:{code.co_firstlineno}" if code is not None else str(self.path)


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the script each time: no bytecode is left beside it, and none that is out of date is run."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def load_script(text: str | Path, default: str) -> UserScript:
    """Load `file.py` or `file.py:name`; without a name, `default` is taken.

    Raises:
        ScriptError: there is no such file or name, or the script fails while it is loaded.
    """
    head, colon, tail = str(text).rpartition(":")
    path, name = (Path(head), tail) if colon and head.endswith(".py") else (Path(text), default)
    if not path.is_file():
        raise ScriptError(f"there is no script {str(path)!r}{near_files(path)}")
    if path.suffix != ".py":
        raise ScriptError(f"{path}: not a Python script; its name must end in .py")
    loader = _Loader(f"_trtkit_script_{abs(hash(path.resolve())):x}_{path.stem}", str(path))
    spec = importlib.machinery.ModuleSpec(loader.name, loader, origin=str(path))
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path.resolve())
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    sys.modules[spec.name] = module
    try:
        with redirect_stdout(sys.stderr):
            loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        del sys.modules[spec.name]
        raise ScriptError(describe_failure(path, error)) from error
    if not hasattr(module, name):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise ScriptError(f"{path} has no {name!r}{did_you_mean(name, public)}; name one with {path.name}:NAME")
    return UserScript(path, name, getattr(module, name))


def describe_failure(path: Path, error: BaseException) -> str:
    """`script.py:12: in load_data: ValueError: text`, from the innermost frame that lies in the script."""
    whole = path.resolve()
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).resolve() == whole:
        return f"{path}:{error.lineno}: SyntaxError: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        return f"{path}: is not UTF-8 text"
    what = type(error).__name__ + (f": {one_line(error)}" if str(error) else "")
    frames = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).resolve() == whole]
    if not frames:
        return f"{path}: {what}"
    inner = frames[-1]
    place = "" if inner.name == "<module>" else f" in {inner.name}:"
    return f"{path}:{inner.lineno}:{place} {what}"
