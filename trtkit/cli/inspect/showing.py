"""How `trtkit inspect model` gives out what it found: as text, as JSON, and as a page."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.cli.console import emit
from trtkit.errors import FileError, MissingError, WorkError

if TYPE_CHECKING:
    from trtkit.description import ModelDescription
    from trtkit.models import ModelFile
    from trtkit.report.description import View

__all__ = ["Shower", "uncollected"]

log = logging.getLogger(__name__)

_BLOCK = 256


@dataclass(frozen=True)
class Shower:
    """Where descriptions go.

    Attributes:
        file: what is described.
        view: what of it is shown.
        json: as JSON instead of text.
        html: the page to write, if any.
        visual: write the page to a temporary file, and open it.
    """

    file: ModelFile
    view: View
    json: bool
    html: str | None
    visual: bool

    def __call__(self, model: ModelDescription, error: WorkError | None = None) -> None:
        """Give out a model.

        Args:
            model: all of it, or what could be read.
            error: why it is not all; it is noted in the JSON, and not raised here.

        Raises:
            WorkError: layers or values cannot be read, or the page cannot be written; what can be shown is shown.
        """
        if self.json:
            self._emit_json(model, error)
        else:
            from trtkit.report.description import lines

            _emit_lines(lines(model, self.file.text, self.view))
        if self.html is not None or self.visual:
            self._write_page(model)

    def _emit_json(self, model: ModelDescription, error: WorkError | None) -> None:
        from trtkit.report.description_data import model_data
        from trtkit.report.jsondata import dumps

        data, failure = model_data(model, self.file.text, self.view)
        if error is not None:
            data["error"] = str(error)
        emit(dumps(data))
        if failure is not None:
            raise failure

    def _write_page(self, model: ModelDescription) -> None:
        from trtkit.report.model_page import model_page
        from trtkit.report.page import write_page

        page = model_page(model, self.file.text, self.view.hide_helpers)
        if self.html is not None:
            write_page(Path(self.html), page)
            log.info("page written to %s", self.html)
        if self.visual:
            path = temporary_page(self.file.path.stem)
            write_page(path, page)
            open_page(path)


def _emit_lines(lines: Iterator[str]) -> None:
    """Print lines, many at a time; those before an error too."""
    block: list[str] = []
    try:
        for line in lines:
            block.append(line)
            if len(block) == _BLOCK:
                emit("\n".join(block))
                block.clear()
    finally:
        if block:
            emit("\n".join(block))


def temporary_page(stem: str) -> Path:
    """A new file for a page, in a folder of its own, which stays when the command ends: the browser reads it then.

    Raises:
        FileError: there is no place for it.
    """
    import tempfile

    try:
        return Path(tempfile.mkdtemp(prefix="trtkit-")) / f"{stem}.html"
    except OSError as error:
        raise FileError(f"cannot make a temporary folder: {error.strerror}; write the page with --html FILE") from error


def open_page(path: Path) -> None:
    """Open a page in the browser.

    Raises:
        MissingError: no browser was found.
    """
    import webbrowser

    log.info("opening %s", path)
    if not webbrowser.open(path.resolve().as_uri()):
        raise MissingError(f"found no browser to open {str(path)!r} with; copy that file to where there is one")


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection.

    A description is many small objects that live until the end and hold no cycles; looking through them for some, again
    and again, takes a third of the time for a model of 50,000 nodes.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
