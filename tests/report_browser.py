"""Drives a page of a report, of a run or of a suite, in headless chromium."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from page_browser import ARTEFACTS

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

__all__ = ["Opened"]


class Opened:
    """The page in the browser."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        self.started = 0.0

    def open(self, path: Path) -> None:
        self.messages()
        self.started = time.monotonic()
        self.driver.get(path.as_uri())
        self.until("return document.documentElement.dataset.ready === 'yes'")

    def script(self, text: str, *arguments: Any) -> Any:
        return self.driver.execute_script(text, *arguments)

    def until(self, condition: str, *arguments: Any, seconds: float = 20) -> None:
        limit = time.monotonic() + seconds
        while not self.script(condition, *arguments):
            assert time.monotonic() < limit, f"not within {seconds} s: {condition}; the browser says: {self.messages()}"
            time.sleep(0.01)

    def messages(self) -> list[str]:
        """Errors and warnings since the last call: of scripts, of the security policy, of missing files."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]  # selenium has no types here

    def check_quiet(self) -> None:
        """Nothing was complained about, and nothing asked for."""
        assert self.messages() == []
        assert self.script("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []

    def seconds(self) -> float:
        """How long ago the page was navigated to."""
        return time.monotonic() - self.started

    def scheme(self, name: str) -> None:
        """What the system prefers: `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.script(
            "return [...document.querySelectorAll(arguments[0])].filter((each) => !each.closest('[hidden]'))"
            ".map((each) => each.textContent)",
            selector,
        )
        return found

    def scroll(self, selector: str) -> None:
        """Go to an element, as a link does, and wait until the plots there are drawn."""
        self.script("document.querySelector(arguments[0]).scrollIntoView()", selector)
        self.until(
            "const plots = [...document.querySelectorAll(arguments[0] + ' .plot')];"
            "return plots.length && plots.every((each) => each.dataset.drawn === 'yes')",
            selector,
        )

    def picture(self, selector: str) -> list[int]:
        """A sum over the pixels of a canvas, by channel, and its size."""
        found: list[int] = self.script(
            "const canvas = document.querySelector(arguments[0]), { width, height } = canvas;"
            "const { data } = canvas.getContext('2d').getImageData(0, 0, width, height), sums = [0, 0, 0, 0];"
            "data.forEach((value, at) => { sums[at % 4] += value; }); return [...sums, width, height]",
            selector,
        )
        return found

    def point(self, selector: str, across: float, down: float) -> None:
        """Move the mouse to a part of an element, from its left upper corner."""
        from selenium.webdriver import ActionChains

        at = self.script(
            "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [Math.round(box.x + arguments[1] * box.width), Math.round(box.y + arguments[2] * box.height)]",
            *(selector, across, down),
        )
        actions = ActionChains(self.driver, duration=0)
        actions.w3c_actions.pointer_action.move_to_location(*at)  # type: ignore[no-untyped-call]  # nor here
        actions.perform()

    def told(self, plot: str, across: float, down: float, words: str) -> bool:
        """Whether a plot says these words where the mouse points to; what is drawn above may still move it."""
        for attempt in range(50):
            self.point(f"{plot} .u-over", across + (0.5 - across) * 0.02 * (attempt % 2), down)  # it has to move
            if words in self.texts(f"{plot} .caption")[0]:
                return True
            time.sleep(0.02)
        return False

    def screenshot(self, name: str) -> None:
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        assert self.driver.save_screenshot(str(ARTEFACTS / f"{name}.png"))
