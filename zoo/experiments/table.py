"""The table of the experiments, as Markdown between two marks, from the results that were measured.

Command:   python zoo/experiments/table.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from keras_neurovit._files import published

BEGIN, END = "<!-- experiments: written by experiments/table.py -->", "<!-- experiments end -->"


def markdown(results: Mapping) -> str:
    """Rows, effects with what they amount to, and what was left out."""
    lines = []
    for task, told in results["tasks"].items():
        lines += [f"### {task}: {told}", "", "| row | AUC | seeds |", "|---|---|---|"]
        own = [(name.split(": ", 1)[1], row) for name, row in results["test"].items() if name.startswith(f"{task}: ")]
        lines += [f"| {name} | {_interval(row)} | {len(row['seeds'])} |" for name, row in own]
        lines += ["", "| effect | in | difference of AUC | p (Holm) | verdict |", "|---|---|---|---|---|"]
        for row in (row for row in results["comparisons"] if row["task"] == task):
            p = f"{row['p']:.3f} ({row['p_holm']:.3f})"
            lines.append(f"| {row['effect']} | {row['in']} | {_interval(row, '+')} | {p} | {_verdict(row)} |")
        lines.append("")
    lines += _left_out(results["left_out"])
    return "\n".join(lines).rstrip() + "\n"


def _interval(row: Mapping, sign: str = "") -> str:
    return "{value:{s}.3f} [{low:{s}.3f}, {high:{s}.3f}]".format(s=sign, **row)


def _verdict(row: Mapping) -> str:
    """Whether the effect appears once it is one of many that were asked; an interval without width tells of none."""
    if row["low"] == row["high"]:
        return "nobody changes places"
    if row["p_holm"] >= 0.05:
        return "does not appear"
    return "helps" if row["value"] > 0 else "harms"


def _left_out(rows: list[Mapping]) -> list[str]:
    if not rows:
        return ["Nothing was left out."]
    lines = ["Left out, for each task and reason:", ""]

    def key(row):
        return row["task"], "the budget" if row["why"].startswith("about") else row["why"]

    for (task, why), group in groupby(sorted(rows, key=key), key):
        seeds: dict[str, list[int]] = {}
        for row in group:
            seeds.setdefault(row["row"], []).append(row["seed"])
        names = "; ".join(f"{name} ({len(numbers)})" for name, numbers in seeds.items())
        lines.append(f"- {task}, {why}: {len(seeds)} rows (seeds): {names}.")
    return lines


def fill(text: str, results: Mapping) -> str:
    """A page with the table between its marks."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{markdown(results)}{END}{rest.split(END)[1]}"


def write_table(results: Path, page: Path) -> None:
    """Write the table of results into a page."""
    text = fill(page.read_text(encoding="utf-8"), json.loads(results.read_text(encoding="utf-8")))
    with published(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_table(Path(__file__).with_name("results.json"), Path(__file__).parents[1] / "README.md")
