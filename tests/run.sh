#!/bin/sh
# Set up what the tests need and run all checks: ruff, mypy and pytest, which gets the arguments.
#
#     sh tests/run.sh [PYTEST ARGUMENT ...]
#
# Works from any folder. The virtual environment is .venv in the checkout; VENV= names another one, PYTHON= the
# interpreter to make it with. A second run finds everything installed.

set -eu
cd "$(dirname "$0")/.."
. examples/venv.sh

venv=${VENV:-.venv}
make_venv "$venv"
install_checkout "$venv" dev,rtx
python="$venv/bin/python"
show "$python" -m ruff check .
show "$python" -m ruff format --check .
show "$python" -m mypy
show "$python" -m pytest "$@"
