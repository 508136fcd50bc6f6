"""The table of targets in the documentation is the table in the code."""

from __future__ import annotations

from pathlib import Path

from sam_mask_service.targets import TARGETS, Target

DOCUMENT = Path(__file__).parents[2] / "docs" / "handover.md"
UNBOUNDED_SIDE, UNBOUNDED_PIXELS, UNBOUNDED_ASPECT = 100_000, 10**10, 1e5


def sizes(row: Target) -> str:
    said = [
        f"sides ÷ {row.multiple}" if row.multiple > 1 else "",
        f"sides from {row.min_side}" if row.min_side > 1 else "",
        f"sides to {row.max_side}" if row.max_side < UNBOUNDED_SIDE else "",
        f"from {row.min_pixels:,} px" if row.min_pixels > 1 else "",
        f"to {row.max_pixels:,} px" if row.max_pixels < UNBOUNDED_PIXELS else "",
        ("square" if row.max_aspect == 1 else f"to {row.max_aspect:g}:1") if row.max_aspect < UNBOUNDED_ASPECT else "",
    ]
    return ", ".join(s for s in said if s) or "as the picture"


def line(row: Target) -> str:
    carrier = "alpha" if row.carrier == "alpha" else "grey"
    values = "soft" if row.soft else "two values"
    return f"| `{row.name}` | {row.consumer} | {row.change} | {carrier}, {values} | {sizes(row)} |"


def table() -> str:
    head = ["| `target` | consumer | repaints | mask | picture and mask |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(line(row) for row in TARGETS.values())])


def test_the_documented_table_is_the_table() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8")
