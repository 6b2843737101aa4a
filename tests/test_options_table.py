from __future__ import annotations

import pytest
from options_table import END, README, START, arguments, parsers, updated


def test_every_option_has_help_and_a_readme_row() -> None:
    for parser in parsers():
        for _, action in arguments(parser):
            assert action.help, f"{parser.prog} {action.option_strings}"
            assert not action.help.endswith(".")


def test_readme_table_is_up_to_date() -> None:
    text = README.read_text()
    assert text.count(START) == text.count(END) == 1
    if updated(text) != text:
        pytest.fail("the README's table of options is out of date; run: python tests/options_table.py")
