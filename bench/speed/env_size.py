"""How big is the environment that the service runs in? Made anew from the runtime lock alone, with bytecode, face
networks and MobileSAM, as ``make setup`` makes it.

    .venv/bin/python bench/speed/env_size.py [--uv .venv-tools/bin/uv] [--limit 530]

Prints one JSON object: ``mb`` (10⁶ bytes of the files), ``disk_mb`` (10⁶ bytes of the blocks they take) and the ten
largest parts; ends with 1 when either is over the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = "share/sam-mask-api/models"
TESTS = r"[/\\]tests[/\\]"
"""Whose bytecode is not made: the packages' own tests."""


def build(where: Path, uv: str) -> None:
    """A bare environment in ``where`` with the locked packages and the project itself."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(where)], check=True)
    python = str(where / "bin" / "python")
    install = [uv, "pip", "install", "-q", "--python", python, "--no-deps", "--link-mode", "copy"]
    subprocess.run([*install, "--require-hashes", "-r", str(ROOT / "requirements.txt")], check=True)
    constraints = str(ROOT / "requirements-build.txt")
    subprocess.run([*install, "--build-constraints", constraints, str(ROOT)], check=True)
    models = {**os.environ, "SAM_MODELS_DIR": str(where / WEIGHTS)}
    for wanted in ("--needed", "mobile_sam"):
        command = [str(where / "bin" / "sam-mask"), "models", "pull", wanted]
        subprocess.run(command, check=True, env=models, stdout=sys.stderr)
    subprocess.run([python, "-m", "compileall", "-q", "-x", TESTS, str(where / "lib")], check=True)


def measure(where: Path) -> dict[str, object]:
    """Sizes in 10⁶ bytes."""
    parts: Counter[str] = Counter()
    disk = 0
    for path in where.rglob("*"):
        if path.is_file() and not path.is_symlink():
            names = path.relative_to(where).parts
            part = names[4] if len(names) > 4 else names[0]
            parts["weights" if path.is_relative_to(where / WEIGHTS) else part] += path.stat().st_size
            disk += path.stat().st_blocks * 512
    largest = {name: round(size / 1e6, 1) for name, size in parts.most_common(10)}
    return {"mb": round(parts.total() / 1e6, 1), "disk_mb": round(disk / 1e6, 1), "largest": largest}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--uv", default="uv")
    parser.add_argument("--limit", type=float, default=530.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / "env", arguments.uv)
        sizes = measure(Path(folder) / "env")
    print(json.dumps({**sizes, "limit": arguments.limit, "python": sys.version.split()[0]}))
    return 1 if max(float(str(sizes["mb"])), float(str(sizes["disk_mb"]))) > arguments.limit else 0


if __name__ == "__main__":
    sys.exit(main())
