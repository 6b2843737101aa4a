"""Commands that do no work: help and version. Bare is an interpreter that imports what every command line needs."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, faster

__all__ = ["CASES"]


def _case(name: str, *arguments: str) -> Case:
    def commands(setting: Setting) -> Commands:
        return {
            TRTKIT: setting.trtkit(*arguments),
            POLYGRAPHY: setting.polygraphy(*arguments),
            BARE: [str(setting.python), "-c", "import argparse, os, re"],
        }

    return Case(name, f"{' '.join(arguments)}", "", (1,), (1,), commands, goals=(faster(4),))


CASES = [_case("help", "-h"), _case("run-help", "run", "-h"), _case("version", "--version")]
