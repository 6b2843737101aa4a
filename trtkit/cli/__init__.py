"""The command line: argparse, standard output and exit codes live here and nowhere else."""
