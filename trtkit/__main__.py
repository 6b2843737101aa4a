"""`python -m trtkit` is `trtkit`."""

from trtkit.cli.main import entry

if __name__ == "__main__":
    entry()
