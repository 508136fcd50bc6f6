"""Where set-up fails, a last line says what is missing and what to do: on what pip, uv and venv really write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.told import TROUBLES, advice

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "told.py"
UV_AWAY = """error: Request failed after 3 retries in 6.3s
  cause: Failed to fetch: http://127.0.0.1:9/simple/idna/
  cause: error sending request for url (http://127.0.0.1:9/simple/idna/)
  cause: Connection refused (os error 111)
"""
PIP_AWAY = """ERROR: Could not find a version that satisfies the requirement uv==0.13.9 (from versions: none)
ERROR: No matching distribution found for uv==0.13.9
"""
UV_HASH = """error: Failed to download `idna==3.10`
  cause: Hash mismatch for `idna==3.10`

         Expected:
           sha256:0000
"""
PIP_HASH = """ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package
    idna==3.10 from https://files.pythonhosted.org/packages/idna-3.10-py3-none-any.whl (from -r r.txt (line 1)):
        Expected sha256 0000
"""
UV_TAG = """error: No solution found when resolving dependencies
  cause: Because openvino==2026.0.0 has no wheels with a matching platform tag (e.g., `musllinux_1_2_x86_64`) and you
"""
UV_FILE = """error: Failed to determine installation plan
  cause: A path (x-1-py3-none-win_amd64.whl) dependency is incompatible with the current platform
"""
UV_FOLDER = "error: failed to create directory `/usr/x/lib`: Permission denied (os error 13)\n"
PIP_FOLDER = "ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system: '/x/lib/idna'\n"
UV_TLS = "  cause: invalid peer certificate: UnknownIssuer\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (UV_AWAY, ("http://127.0.0.1:9/simple/idna/", "UV_DEFAULT_INDEX")),
        (PIP_AWAY, ("uv==0.13.9", "PIP_INDEX_URL")),
        (UV_HASH, ("idna==3.10", "make lock")),
        (PIP_HASH, ("idna==3.10", "make lock")),
        (UV_TAG, ("openvino==2026.0.0", "glibc 2.28")),
        (UV_FILE, ("x-1-py3-none-win_amd64.whl", "3.10-3.14")),
        ("ERROR: x.whl is not a supported wheel on this platform.\n", ("x.whl", "PYTHON=")),
        (UV_FOLDER, ("/usr/x/lib cannot be written", "clone of your own")),
        ("Error: [Errno 13] Permission denied: '/x/.venv'\n", ("/x/.venv cannot", "clone of your own")),
        (PIP_FOLDER, ("/x/lib/idna", "clone of your own")),
        (UV_TLS, ("certificate", "SSL_CERT_FILE")),
        ("Usage:\n  pip <command>\n\nno such option: --python\n", ("--python", "22.3")),
        ("OSError: [Errno 28] No space left on device\n", ("full", "1 GB")),
    ],
)
def test_each_trouble_is_said_in_one_line_with_what_to_do(text: str, names: tuple[str, ...]) -> None:
    said = advice(text)
    assert said is not None and "\n" not in said
    assert all(name in said for name in names), said


def test_every_row_can_be_said_without_a_name_and_other_words_are_left_alone() -> None:
    assert all(trouble.said.format(what="it") for trouble in TROUBLES)
    assert advice("error: the build backend raised a SyntaxError") is None


def told(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_installers_own_words_come_first_and_its_exit_code_is_kept() -> None:
    done = told(f"import sys; sys.stderr.write({UV_AWAY!r}); sys.exit(2)")
    assert done.returncode == 2 and done.stderr.startswith(UV_AWAY)
    assert done.stderr[len(UV_AWAY) :].startswith("set-up: ") and done.stderr.count("\n") == UV_AWAY.count("\n") + 1


def test_nothing_is_said_where_all_went_well() -> None:
    done = told(f"import sys; print('made'); sys.stderr.write({UV_AWAY!r})")
    assert (done.returncode, done.stdout, done.stderr) == (0, "made\n", UV_AWAY)
