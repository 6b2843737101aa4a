# Functions for the scripts that set trtkit up in a checkout: examples/quickstart.sh and tests/run.sh read this file.
#
# Environment: PYTHON, the interpreter to make the virtual environment with (default: the first of python3,
# python3.13 ... python3.10 that is recent enough); VENV, the virtual environment's folder.

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$(basename "$0"): $*"
    exit 1
}

# Run a command after printing it.
show() {
    say "+ $*"
    "$@"
}

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

# Print the interpreter to use.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_recent "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.10 or newer"
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
        if is_recent "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "Python 3.10 or newer is needed and none was found; install one, or name it: PYTHON=/path/to/python3 sh $0"
}

# Make the virtual environment $1 unless it works already.
make_venv() {
    if "$1/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    python=$(find_python) || exit 1
    if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        die "$python cannot make virtual environments; on Debian and Ubuntu run: apt install python$version-venv"
    fi
    show "$python" -m venv --clear "$1" || die "cannot make the virtual environment $1"
}

# Install this checkout with the extras $2 (editable) into the virtual environment $1, unless nothing has changed
# since that was last done: a stamp in the environment holds the checkout's path and the sum of its pyproject.toml.
install_checkout() {
    stamp="$1/trtkit-installed-$2"
    state="$PWD $(cksum <pyproject.toml)"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ]; then
        return
    fi
    show "$1/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[$2]" || die "the installation failed"
    printf '%s\n' "$state" >"$stamp"
}
