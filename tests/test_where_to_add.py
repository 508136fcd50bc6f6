"""How many files a further row takes: counted on rows that are there, by the files of src/ that name them in code.

That one row is enough is shown where each kind is tested: ``tasks/test_task.py``, ``faces/test_ensemble.py``,
``sam/test_architectures.py``, ``segment/test_region_table.py``, ``targets/test_table.py``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "sam_mask_service"


def words(path: Path) -> Iterator[str]:
    """Names, keywords and texts of a module, but for its docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for _, value in ast.iter_fields(node):
            if isinstance(value, str) and not isinstance(node, ast.Constant):
                yield value
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 40:
            yield node.value


def naming(word: str) -> set[str]:
    """Files that name ``word``, also as a part of a longer name."""
    found = re.compile(rf"(?<![a-z]){word}(?![a-z])", re.IGNORECASE)
    return {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if any(found.search(text) for text in words(path))
    }


@pytest.mark.parametrize(
    ("word", "files"),
    [
        pytest.param("anonymize", {"tasks/__init__.py", "tasks/anonymize.py"}, id="use case"),
        pytest.param("yunet", {"faces/ensemble.py", "faces/yunet.py", "models/registry.py"}, id="detector"),
        pytest.param(
            "efficientvit", {"sam/architectures/__init__.py", "sam/architectures/efficientvit.py"}, id="kind of SAM"
        ),
        pytest.param("hat", {"segment/region_table.py"}, id="region"),
        pytest.param("comfyui", {"targets/table.py"}, id="target"),
    ],
)
def test_so_many_files_name_it(word: str, files: set[str]) -> None:
    """The two clients have a method for each use case besides ``ask``, which reaches any."""
    assert {name for name in naming(word) if not name.startswith("client/")} == files


def test_what_is_named_in_code_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('"""Of hats and a hat."""\nimport os\n\n\ndef wear(top_hat): ...\n\n\nx = {"scarf": top.hat_row}\n')
    assert {"wear", "top_hat", "scarf", "hat_row"} <= set(words(path))
