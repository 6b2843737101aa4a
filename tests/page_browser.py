"""Drives a page of `trtkit.report.page` in headless chromium."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trtkit.report.page import write_page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

__all__ = ["ARTEFACTS", "Page", "chromium"]

ARTEFACTS = Path(os.environ.get("TRTKIT_ARTEFACTS") or Path(__file__).parent.parent / "build" / "artefacts")
"""Where the screenshots go."""


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A browser; the test is skipped where something for it is missing."""
    programs = [shutil.which("chromium"), shutil.which("chromedriver")]
    if not all(programs):
        pytest.skip("needs chromium and chromedriver; on Debian: apt-get install chromium chromium-driver")
    pytest.importorskip("selenium", reason="needs the Python package selenium: pip install 'trtkit[dev]'")
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(programs[0])
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1600,1000"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # chromium refuses to run as root with it
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(str(programs[1])))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """One page in the browser."""

    def __init__(self, driver: Chrome, folder: Path) -> None:
        self.driver = driver
        self.path = folder / "page.html"
        self.opened = 0.0

    def open(self, data: Mapping[str, Any], wait: bool = True) -> None:
        """Write the page, go there, and wait until the graph is drawn."""
        write_page(self.path, data)
        self.messages()  # what is left of the page before
        self.opened = time.monotonic()
        self.driver.get(self.path.as_uri())
        if wait:
            self.until(lambda: self.script("return document.documentElement.dataset.drawn") == "yes")

    def until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, f"not within {seconds} s; the browser says: {self.messages()}"
            time.sleep(0.02)

    def script(self, text: str, *arguments: Any) -> Any:
        return self.driver.execute_script(text, *arguments)

    def messages(self) -> list[str]:
        """Errors and warnings since the last call: of scripts, of the security policy, of missing files."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium has no types here
        return [str(entry["message"]) for entry in entries]

    def element(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """What an element shows, shown or not."""
        return str(self.script("return document.querySelector(arguments[0]).textContent", selector))

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def search(self, text: str) -> str:
        """Type into the search field as one does, and say what it counts."""
        self.element("body").send_keys("/")
        self.press(text)
        return self.text("#count")

    def items(self) -> list[str]:
        """The identifiers of the visible items, without the kind: `n:3` is the node 3."""
        ids: list[str] = self.script("return trtkitPage.view.cy.nodes().map((node) => node.id())")
        return ids

    def edges(self) -> set[tuple[str, str]]:
        pairs: list[list[str]] = self.script(
            "return trtkitPage.view.cy.edges().map((edge) => [edge.source().id(), edge.target().id()])"
        )
        return {(source, target) for source, target in pairs}

    def state(self, what: str, identifier: str) -> Any:
        """An expression of cytoscape's on one element: `style('background-color')`."""
        return self.script(f"return trtkitPage.view.cy.getElementById(arguments[0]).{what}", identifier)

    def find(self, label: str) -> str:
        """The identifier of the visible item of this label."""
        found = self.script(
            "return trtkitPage.view.cy.nodes().map((node) => node.id())"
            ".find((id) => trtkitPage.graph.items.get(id).label === arguments[0])",
            label,
        )
        assert found is not None, f"no item {label!r} among {self.items()}"
        return str(found)

    def settle(self) -> None:
        """Wait until nothing is laid out and nothing moves."""
        self.until(
            lambda: self.script("return document.getElementById('busy').hidden && !trtkitPage.view.cy.animated()")
        )

    def click(self, identifier: str, times: int = 1) -> None:
        """Click with the mouse in the middle of an item."""
        from selenium.webdriver import ActionChains

        self.settle()
        at = self.script(
            "const box = document.getElementById('canvas').getBoundingClientRect();"
            "const at = trtkitPage.view.cy.getElementById(arguments[0]).renderedPosition();"
            "return [Math.round(at.x + box.x), Math.round(at.y + box.y)]",
            identifier,
        )
        actions = ActionChains(self.driver, duration=0)
        actions.w3c_actions.pointer_action.move_to_location(*at)  # type: ignore[no-untyped-call]  # nor here
        for _ in range(times):
            actions.click()
        actions.perform()

    def screenshot(self, name: str) -> Path:
        self.settle()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        target = ARTEFACTS / f"{name}.png"
        assert self.driver.save_screenshot(str(target))
        return target
