"""One command per job. Data goes to files or standard output, talk to standard error."""


def main() -> None:
    """Run the command line."""
