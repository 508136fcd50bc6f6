"""A plain install into an empty environment: does it resolve, how big is it, how soon does a command answer, does it
mask?

    python scripts/install_check.py UV lowest-direct|highest WHAT

WHAT: the folder of the clone, or a wheel. Ends with 1 where a step fails or the environment is over LIMIT_MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_MB = 480
"""10⁶ bytes of files, without models and bytecode."""


def main() -> int:
    uv, way, what = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        programs = install(uv, way, str(Path(what).resolve()), place / "env")
        size = sum(path.stat().st_size for path in (place / "env").rglob("*") if path.is_file()) / 1e6
        print(f"{way}, Python {sys.version.split()[0]}: {size:.0f} MB", flush=True)
        sam_mask = [str(programs / "sam-mask")]
        run([*sam_mask, "--version"], place)  # compiles the modules, as pip does when it installs
        start = time.perf_counter()
        run([*sam_mask, "models", "list"], place)
        print(f"a command answers in {time.perf_counter() - start:.2f} s", flush=True)
        run([*sam_mask, "doctor"], place)
    return 0 if size <= LIMIT_MB else 1


def install(uv: str, way: str, what: str, where: Path) -> Path:
    """The folder of the environment's programs."""
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(where)], check=True)
    programs = where / ("Scripts" if os.name == "nt" else "bin")
    command = [uv, "pip", "install", "-q", "--python", str(programs / "python"), "--resolution", way, what]
    subprocess.run(command, check=True)
    return programs


def run(command: list[str], place: Path) -> None:
    environment = {**os.environ, "SAM_MODELS_DIR": str(place / "models"), "SAM_ENGINE": "mesh"}
    subprocess.run(command, check=True, cwd=place, env=environment)


if __name__ == "__main__":
    sys.exit(main())
