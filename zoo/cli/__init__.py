"""The command line: `zoo.cli:main` is what the `zoo` command runs."""

from zoo.cli.main import main

__all__ = ["main"]
