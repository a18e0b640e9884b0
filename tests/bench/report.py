"""Figures beside the floors and aims they are judged by, as a table of text."""

import os
import platform
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, kw_only=True):
    """One line of the table."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    """What the value is compared with, measured in the same run; same unit."""
    floor_name: str = ""
    aim: float | None = None
    """Of the ratio when there is a floor, else of the value; None: only told."""
    is_time: bool = False
    """Whether less is better."""

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of its floor."""
        return None if self.floor is None else self.value / self.floor

    @property
    def verdict(self) -> str:
        """`ok`, `MISSED`, or nothing where there is no aim."""
        if self.aim is None:
            return ""
        judged = self.value if self.ratio is None else self.ratio
        return "ok" if (judged <= self.aim if self.is_time else judged >= self.aim) else "MISSED"


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    rows = [("figure", "value", "floor", "ratio", "aim", "")]
    rows += [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  ".join(cells).rstrip(), flush=True)


def _row(figure: Figure) -> tuple[str, str, str, str, str, str]:
    sign = "<=" if figure.is_time else ">="
    aim = (
        "" if figure.aim is None else f"{sign} {figure.aim:g}" + ("x" if figure.floor else f" {figure.unit}")
    )
    floor = "" if figure.floor is None else f"{_number(figure.floor)} {figure.floor_name}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
    return figure.what, f"{_number(figure.value)} {figure.unit}", floor, ratio, aim, figure.verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    """What this runs on, in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return (
        f"{os.cpu_count()} CPUs ({model or platform.processor()}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}; "
        f"load before the run {os.getloadavg()[0]:.2f}"
    )


def main(measure: Callable[[], Sequence[Figure]]) -> None:
    """Run one benchmark as a program."""
    print(machine(), flush=True)
    show(measure())
