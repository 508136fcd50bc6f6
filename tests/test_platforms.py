"""Nothing of the service is bound to Linux but gunicorn: it works with what only Linux or POSIX has hidden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "support" / "elsewhere.py"


def test_every_module_works_where_posix_is_not(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100, "modules imported twice, the second time without POSIX"
