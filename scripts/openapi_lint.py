"""Holds the service's OpenAPI document against redocly's rules (clients/typescript/redocly.yaml): ``make
openapi-lint`` (wants Node 20 or newer).

Ends with redocly's exit code: 0 when there is nothing to say.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .client_types import CLIENT, document

QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "openapi.json")
        file.write_bytes(document())
        line = ["npx", "--no-install", "redocly", "lint", "--config", str(CLIENT / "redocly.yaml"), str(file)]
        return subprocess.run(line, cwd=CLIENT, env={**os.environ, **QUIET}).returncode


if __name__ == "__main__":
    sys.exit(main())
