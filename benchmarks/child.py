"""Run a function of a module of cases: `child.py MODULE FUNCTION ARGUMENT ...`; what it returns is printed as JSON."""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    """Call the function with the arguments as text."""
    module, function, *arguments = sys.argv[1:]
    answer = getattr(importlib.import_module(f"cases.{module}"), function)(*arguments)
    if answer is not None:
        print(json.dumps(answer))  # noqa: T201 - figures for the process that started this


if __name__ == "__main__":
    main()
