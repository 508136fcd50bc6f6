"""Turns ``out/quality/*.json`` into the generated part of docs/quality.md and its plots. Called by
``bench/quality``.
"""

from __future__ import annotations

import json
from typing import Any

import matplotlib
import numpy as np

from bench.started import ROOT

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OUT = ROOT / "out" / "quality"
PAGE = ROOT / "docs" / "quality.md"
PLOTS = ROOT / "docs" / "images"
SIZES = ("<20", "20-40", "40-80", "80-160", ">160")
TRAINED_ON = "celeb"
"""Sets whose pictures face parsers were trained on: left out of the averages that are compared."""

Scores = dict[str, Any]


def loaded(kind: str) -> dict[str, Scores]:
    """Run name → the scorer's ``sets``, for the JSON files ``NAME.kind.json``."""
    found = sorted(OUT.glob(f"*.{kind}.json"))
    return {p.name.removesuffix(f".{kind}.json"): json.loads(p.read_text())["sets"] for p in found}


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def mask_rows(runs: dict[str, Scores], region: str) -> list[list[str]]:
    rows = []
    for name, sets in runs.items():
        for set_name, entry in sets.items():
            s = entry["summary"]
            if s.get(f"{region}_iou") is None:
                continue
            figures = [s[f"{region}_{k}"] for k in ("iou", "iou_p10", "precision", "recall", "bf")]
            rows.append([name, set_name, str(s["n"]), str(s["miss"]), *map(number, figures)])
    return rows


def averages(runs: dict[str, Scores], region: str) -> list[list[str]]:
    rows = []
    for name, sets in runs.items():
        kept = [
            e["summary"]
            for n, e in sets.items()
            if TRAINED_ON not in n and e["summary"].get(f"{region}_iou") is not None
        ]
        if kept:
            means = [float(np.mean([s[f"{region}_{k}"] for s in kept])) for k in ("iou", "iou_p10", "bf")]
            rows.append([name, str(len(kept)), *map(number, means)])
    return rows


def detection_rows(runs: dict[str, Scores]) -> list[list[str]]:
    rows = []
    for name, sets in runs.items():
        for set_name, entry in sets.items():
            s = entry["summary"]
            if "recall" in s:
                by_size = [f"{s['by_size'][k]['recall']:.2f} of {s['by_size'][k]['faces']}" for k in SIZES]
                rows.append([name, set_name, str(s["faces"]), number(s["recall"]), number(s["precision"]), *by_size])
    return rows


def other_rows(runs: dict[str, Scores]) -> list[list[str]]:
    return [
        [name, set_name, str(e["summary"]["pictures"]), str(e["summary"]["with_face"]), str(e["summary"]["boxes"])]
        for name, sets in runs.items()
        for set_name, e in sets.items()
        if "recall" not in e["summary"]
    ]


def plot_recall(runs: dict[str, Scores]) -> None:
    """Recall over the face's size, all labelled sets pooled, one line a run."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for name, sets in runs.items():
        labelled = [e["summary"]["by_size"] for e in sets.values() if "by_size" in e["summary"]]
        faces = np.array([[s[k]["faces"] for k in SIZES] for s in labelled])
        hits = np.array([[s[k]["recall"] * s[k]["faces"] for k in SIZES] for s in labelled])
        axes.plot(SIZES, hits.sum(0) / np.maximum(1, faces.sum(0)), marker="o", label=name)
    axes.set(
        xlabel="face size, pixels (square root of its area)", ylabel="recall", ylim=(0, 1), title="Faces found, by size"
    )
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, "recall_by_size.png")


def plot_masks(face: dict[str, Scores], head: dict[str, Scores]) -> None:
    """IoU of every picture, sorted: the left end is where users complain."""
    figure, both = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    for axes, runs, region in zip(both, (face, head), ("face", "head"), strict=True):
        for name, sets in runs.items():
            pictures = [p for n, e in sets.items() if TRAINED_ON not in n for p in e["pictures"] if region in p]
            values = np.sort([p[region]["iou"] for p in pictures])
            axes.plot(np.linspace(0, 100, len(values)), values, label=name)
        axes.set(xlabel="percent of the pictures", title=f"region={region}", ylim=(0, 1))
        axes.grid(alpha=0.3)
    both[0].set_ylabel("IoU")
    both[0].legend()
    save(figure, "mask_iou.png")


def plot_reliability() -> None:
    """The mesh engine's own score against the IoU that was measured, and the means of classes of equal size."""
    figure, both = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
    for axes, region in zip(both, ("face", "head"), strict=True):
        pairs = np.array(sorted(json.loads((OUT / f"reliability-{region}.json").read_text())))
        axes.plot(pairs[:, 0], pairs[:, 1], ".", alpha=0.35, label="a picture")
        means = np.array([part.mean(0) for part in np.array_split(pairs, 6)])
        axes.plot(means[:, 0], means[:, 1], "o-", label="mean of a sixth")
        axes.plot([0.4, 1], [0.4, 1], color="grey", lw=1)
        axes.set(xlabel="score", title=f"region={region}", xlim=(0.5, 1), ylim=(0.3, 1))
        axes.grid(alpha=0.3)
    both[0].set_ylabel("measured IoU")
    both[0].legend()
    save(figure, "reliability.png")


def save(figure: Any, name: str) -> None:
    PLOTS.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(PLOTS / name, dpi=110, metadata={"Software": None})
    plt.close(figure)


def report() -> str:
    face, head, detection = loaded("face"), loaded("head"), loaded("detection")
    plot_recall(detection)
    plot_masks(face, head)
    plot_reliability()
    mask_head = ["run", "set", "pictures", "missed", "IoU", "10th percentile", "precision", "recall", "boundary F"]
    mean_head = ["run", "sets", "mean IoU", "mean 10th percentile", "mean boundary F"]
    return "\n\n".join(
        [
            "### Face masks, averages over the sets (CelebA left out)\n\n" + table(mean_head, averages(face, "face")),
            "### Head masks, averages over the sets (CelebA left out)\n\n" + table(mean_head, averages(head, "head")),
            "![IoU of every picture, sorted](images/mask_iou.png)",
            "### Face masks, each set\n\n" + table(mask_head, mask_rows(face, "face")),
            "### Head masks, each set\n\n" + table(mask_head, mask_rows(head, "head")),
            "### Detection\n\n"
            + table(
                ["run", "set", "faces", "recall", "precision", *(f"recall {k} px" for k in SIZES)],
                detection_rows(detection),
            ),
            "![Faces found, by size](images/recall_by_size.png)",
            "### Pictures without labels or without faces\n\n"
            + table(["run", "set", "pictures", "with a face found", "faces found"], other_rows(detection)),
        ]
    )


def write(name: str, text: str) -> None:
    """Replaces what stands between the two marks of ``name``; the words around them are written by hand."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")


if __name__ == "__main__":
    write("generated", f"\n{report()}\n")
