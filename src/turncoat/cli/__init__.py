"""One command per job. Data goes to files or standard output, talk to standard error.

Exit codes: 0 done, 1 a bug of ours, 2 the input or the place for the output, 130 interrupted.
"""

from turncoat.cli.entry import main

__all__ = ["main"]
