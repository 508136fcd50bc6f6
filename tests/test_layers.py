"""The arrows of the house go down only: read from the imports, every one of them, also those inside functions."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "sam_mask_service"
SOURCE = Path(__file__).resolve().parent.parent / "src" / PACKAGE

LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(row.split())
    for row in (
        # The pure ground: arrays in, arrays out.
        "errors limits units spellings",
        "wire geometry deadline cache pulse base64_text",
        "mask",
        "image patch",
        "targets models",
        # What touches the world, finds faces, draws masks.
        "doors",
        "runtime",
        "faces sam",
        "segment",
        # What can be asked, and what is done for it.
        "params",
        "actions sessions",
        "settings gate",
        "engines nets reader tasks",
        # Running it.
        "service",
        "compose many",
        "jobs bulk",
        # Thin shells, none of which knows another.
        "http cli client page",
    )
)
"""A unit (module or folder below the package) may import units of the rows above its own, and nothing else of ours."""

GROUND = frozenset().union(*LAYERS[:5])
GROUND_LIBRARIES = frozenset({"numpy", "cv2", "PIL", "pi_heif"})
IMPURE = frozenset(
    {"os", "socket", "subprocess", "threading", "asyncio", "urllib", "http", "tempfile", "shutil", "logging", "random"}
)

ONLY_IN: dict[str, frozenset[str]] = {
    "httpx": frozenset({"client/"}),
    "httpcore": frozenset({"doors/dial.py", "doors/fetch.py", "doors/paced.py", "doors/webhook.py"}),
    "requests": frozenset(),
    "sqlite3": frozenset({"jobs/database.py", "bulk/index.py"}),
    "urllib.request": frozenset(),
    "redis": frozenset({"sessions/redis_line.py", "jobs/taskiq_queue.py"}),
    "taskiq": frozenset({"jobs/taskiq_queue.py"}),
    "taskiq_redis": frozenset({"jobs/taskiq_queue.py"}),
    "fsspec": frozenset({"doors/stores.py"}),
    "pyarrow": frozenset({"bulk/parquet.py", "bulk/cluster/runner.py"}),
    "ray": frozenset({"bulk/cluster/connect.py"}),
    "pooch": frozenset({"doors/transfer.py"}),
    "torch": frozenset({"runtime/"}),
    "openvino": frozenset({"runtime/"}),
    "flatbuffers": frozenset({"runtime/tflite.py", "runtime/tflite_file.py"}),
    "mediapipe": frozenset(),
    "fastapi": frozenset({"http/"}),
    "starlette": frozenset({"http/"}),
    "typer": frozenset({"cli/"}),
    "pickle": frozenset(),
}
"""One door per danger, and each library where it belongs: its name → the files that may import it."""

FILES = sorted(SOURCE.rglob("*.py"))


def unit(path: Path) -> str:
    """``faces`` for faces/tiles.py, ``mask`` for mask.py, ``""`` for the package's own __init__."""
    first = path.relative_to(SOURCE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


@functools.cache
def imported(path: Path) -> tuple[str, ...]:
    """Full dotted names of everything that ``path`` imports, ours written out from relative imports."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    here = (PACKAGE, *path.relative_to(SOURCE).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield from (f"{module}.{name.name}" for name in node.names)


def our_units(path: Path) -> set[str]:
    """Units of ours that ``path`` imports; a name of the package itself (``__version__``) is none."""
    units = {u for row in LAYERS for u in row}
    found = {name.split(".")[1] for name in imported(path) if name.startswith(f"{PACKAGE}.")}
    return {name for name in found if name in units or (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").exists()}


def row(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


def test_there_is_something_to_read() -> None:
    assert len(FILES) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_arrows_go_down(path: Path) -> None:
    here = unit(path)
    if here == "":
        return  # the package's own __init__ builds the app on demand: it stands above all
    known = {u for names in LAYERS for u in names}
    assert here in known, f"{here} has no place in LAYERS: give it one"
    wrong = sorted(u for u in our_units(path) - {here} if u not in known or row(u) >= row(here))
    assert not wrong, f"{here} imports {', '.join(wrong)}: that arrow goes up or sideways"


@pytest.mark.parametrize("path", [p for p in FILES if unit(p) in GROUND], ids=lambda p: str(p.relative_to(SOURCE)))
def test_the_ground_is_pure(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)} - {PACKAGE}
    foreign = {name for name in roots if name not in sys.stdlib_module_names} - GROUND_LIBRARIES
    world = roots & IMPURE - (
        {"threading"} if unit(path) in {"cache", "deadline", "pulse"} or path.name == "reserve.py" else set()
    )
    assert not foreign | world, f"{path.name} is pure ground and imports {', '.join(sorted(foreign | world))}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_each_danger_has_one_door(library: str) -> None:
    users = {
        str(p.relative_to(SOURCE)) for p in FILES for n in imported(p) if n == library or n.startswith(f"{library}.")
    }
    wrong = sorted(
        u
        for u in users
        if not any(u == door or (door.endswith("/") and u.startswith(door)) for door in ONLY_IN[library])
    )
    assert not wrong, f"{library} belongs in {sorted(ONLY_IN[library]) or 'no file'}, not in {', '.join(wrong)}"


def test_every_row_names_something_that_is_there_once() -> None:
    named = [unit for names in LAYERS for unit in names]
    assert len(named) == len(set(named))
    assert not [unit for unit in named if not ((SOURCE / unit).is_dir() or (SOURCE / f"{unit}.py").is_file())]


@pytest.mark.parametrize("library", [name for name in ONLY_IN if ONLY_IN[name]])
def test_every_door_is_used(library: str) -> None:
    """A file that a library is allowed in and that no longer imports it would let it back in unseen."""
    for door in ONLY_IN[library]:
        files = [p for p in FILES if str(p.relative_to(SOURCE)).startswith(door)]
        assert any(n == library or n.startswith(f"{library}.") for p in files for n in imported(p)), (library, door)
