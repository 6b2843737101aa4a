"""A model or a comparison of two as one web page: a graph to look at, with everything that it needs inside the file."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from trtkit.atomic import replacing
from trtkit.report.webpage import embedded, policy, template_text

__all__ = ["write_page"]

SCRIPTS = ("graph.js", "colours.js", "view.js", "panel.js", "table.js", "main.js")
"""The page's own scripts, which are one script there, in the order of their use."""

NODE_DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "type": "",
    "inputs": (),
    "outputs": (),
    "attributes": {},
    "precision": None,
    "tactic": None,
    "origin": (),
    "parent": None,
    "status": None,
    "detail": None,
}


def write_page(path: str | Path, data: Mapping[str, Any]) -> None:
    """Write the page, all or nothing.

    Args:
        path: the file, such as `model.html`.
        data: plain data:
            `title`, `kind`: text for the head of the page;
            `facts`: what there is to say of the whole, by subject;
            `inputs`, `outputs`: the tensors that the model takes and gives, by name;
            `nodes`: in order of execution, each with `id` (text, unique) and, where there is something to say, `name`,
            `type`, `inputs` and `outputs` (names of tensors; None for one that is left out), `attributes` (by name),
            `precision`, `tactic`, `origin` (names of the nodes that a fused layer was made from), `parent` (the id of
            the node whose subgraph holds this one; an id `PARENT/BRANCH/...` also names the subgraph), `status`
            (`same`, `added`, `removed` or `changed`) and `detail` (what changed, as text); one of type `function`,
            whose id is no number, stands for a local function, whose body sees nothing of the graph;
            `tensors`: `dtype` (text or None) and `shape` (sizes, None for one that is unknown; or None) by name;
            `inner_tensors`: the same of each subgraph and function, by what stands before the last `/` of its nodes'
            ids; what is missing there is as in `tensors`.

    Raises:
        FileError: the file cannot be written.
    """
    page = _page(data)
    with replacing(path) as file:
        file.write(page)


def _page(data: Mapping[str, Any]) -> bytes:
    style = _text("page.css")
    drawing = _text("vendor/cytoscape.min.js")
    script = f'"use strict";(() => {{\n{"".join(map(_text, SCRIPTS))}}})();'
    page = Template(_text("page.html")).substitute(
        policy=policy([drawing, script], [style], "worker-src blob:; "),
        title=html.escape(str(data["title"])),
        style=style,
        data=embedded({**data, "nodes": [{**NODE_DEFAULTS, **node} for node in data["nodes"]]}),
        layout=_text("vendor/dagre.min.js") + _text("layout.js"),
        drawing=drawing,
        script=script,
    )
    return page.encode("utf-8", "replace")  # half a surrogate pair, in the title: nothing else has one


def _text(name: str) -> str:
    return template_text(f"page/{name}")
