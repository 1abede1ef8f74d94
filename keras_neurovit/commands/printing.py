"""How commands speak."""

from __future__ import annotations

import os
import sys


def print_table(columns: list[str], rows: list[list]) -> None:
    """Print a table as wide as the terminal, or as wide as it likes into a pipe."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))  # brackets in a path are no markup
    # A pipe has no width of its own: give it room for whole paths.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def short(path: str) -> str:
    """A path from here, where that is shorter."""
    return os.path.relpath(path) if len(os.path.relpath(path)) < len(path) else path
