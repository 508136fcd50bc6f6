"""Runs an installer; where it fails, a last line says what is missing and what to do.

    python scripts/told.py COMMAND …

Wants nothing but Python: it runs before anything is installed. Ends with the command's exit code.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple


class Trouble(NamedTuple):
    """``shows``: a pattern of what pip, uv and venv write; ``said``: the line, with the pattern's groups."""

    shows: str
    said: str


TROUBLES = (
    Trouble(
        r"Hash mismatch for `?(?P<what>[^`\s]+)|DO NOT MATCH THE HASHES[^\n]*\n\s*(?P<or>\S+)",
        "{what} is not the file that was locked: an index or a proxy hands out another; ask the one of PyPI "
        "(UV_DEFAULT_INDEX and PIP_INDEX_URL), or `make lock` where the change is yours",
    ),
    Trouble(
        r"No space left on device|os error 28\b",
        "the disk is full: the service and its models want 1 GB, the development tools 1 GB more",
    ),
    Trouble(
        r"(?:`(?P<what>[^`\n]+)`: )?(?:Permission denied|Read-only file system)(?:[^\n]*: '(?P<or>[^'\n]+)')?",
        "{what} cannot be written by this user: set up in a clone of your own (git clone … ~/sam-mask-api)",
    ),
    Trouble(
        r"(?i)certificate verify failed|invalid peer certificate|unable to get local issuer",
        "the index's certificate is not known here: SSL_CERT_FILE and PIP_CERT name the file of those that are",
    ),
    Trouble(
        r"no such option: (?P<what>--[\w-]+)",
        "this pip is too old for {what}: take INSTALLER=uv (the default), or `python -m pip install -U pip` (22.3 on)",
    ),
    Trouble(
        r"(?P<what>\S+) has no wheels with a matching|(?P<or>\S+\.whl) is not a supported wheel"
        r"|path \((?P<else>\S+)\) dependency is incompatible",
        "{what}: there is no package for this Python and system; wanted are CPython 3.10-3.14 on Linux (glibc 2.28, "
        "on ARM 2.35), macOS 11 (ARM) or Windows (x86-64): make PYTHON=/path/to/python, or the Docker image",
    ),
    Trouble(
        r"Failed to fetch: (?P<what>\S+)|NewConnectionError|No matching distribution found for (?P<or>\S+)"
        r"|Temporary failure in name resolution|Connection refused",
        "{what} cannot be had: is the package index in reach? Name one: PIP_INDEX_URL and UV_DEFAULT_INDEX; behind a "
        "proxy: HTTPS_PROXY. Where it is, it has no package for this Python and system",
    ),
)
"""The first one that shows is said."""


def advice(text: str) -> str | None:
    """What to say of an installer's error output; None: its own words are all there is."""
    for trouble in TROUBLES:
        if found := re.search(trouble.shows, text):
            what = next((word for word in found.groupdict().values() if word), "a package or folder")
            return trouble.said.format(what=what)
    return None


def run(command: list[str]) -> tuple[int, str]:
    """Exit code, and what it wrote to stderr, which goes on to this program's as it comes."""
    lines = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        for line in process.stderr:
            sys.stderr.write(line)
            lines.append(line)
    return process.returncode, "".join(lines)


def main() -> int:
    code, text = run(sys.argv[1:])
    if code and (said := advice(text)):
        print(f"set-up: {said}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
