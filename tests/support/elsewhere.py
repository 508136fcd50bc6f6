"""Run as a program: imports every module of the service with what Windows or macOS lacks hidden, and uses what touches
the system.

The libraries are loaded before: what they need is their own affair.
"""

from __future__ import annotations

import builtins
import importlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import Any

import sam_mask_service

SUPERVISED = {f"sam_mask_service.{name}" for name in ("http.worker", "http.gunicorn", "sessions.shared_folder")}
"""gunicorn's own: never loaded where there is no gunicorn."""
MODULES = ("fcntl", "termios", "resource", "pwd", "grp", "gunicorn", "gunicorn.arbiter", "uvicorn_worker")
CALLS = ("pread", "sched_getaffinity", "sysconf", "getuid", "geteuid", "fork", "getpgid", "killpg", "mkfifo")
FLAGS = ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_DIRECTORY", "O_CLOEXEC")


def ours() -> list[str]:
    names = [found.name for found in pkgutil.walk_packages(sam_mask_service.__path__, "sam_mask_service.")]
    return [name for name in names if name not in SUPERVISED and not name.endswith("__main__")]


def hide() -> None:
    """What only POSIX, or only Linux, has."""
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment] # an import of it fails
    for name in (*CALLS, *FLAGS):
        if hasattr(os, name):
            delattr(os, name)
    os.supports_dir_fd.clear()
    real = builtins.open

    def opened(file: Any, *rest: Any, **named: Any) -> Any:
        if str(file).startswith(("/proc", "/sys", "/dev/shm")):  # noqa: S108
            raise FileNotFoundError(file)
        return real(file, *rest, **named)

    builtins.open = opened
    import io

    io.open = opened


def loaded(names: list[str]) -> list[Any]:
    return [importlib.import_module(name) for name in names]


def used(folder: Path) -> None:
    """What touches the system does its work."""
    from sam_mask_service.cli.machine import cpu_flags, cpu_name, memory_bytes
    from sam_mask_service.doors.files import read_inside, write_inside
    from sam_mask_service.doors.folder import DESCRIPTORS
    from sam_mask_service.doors.model_files import _chunks, open_checkpoint
    from sam_mask_service.http.transport import OUTQ
    from sam_mask_service.runtime.machine import cpu_threads

    assert not DESCRIPTORS and OUTQ is None
    assert write_inside(folder, "mask.png", b"mask").is_file()
    assert read_inside(folder, "mask.png", 100) == b"mask"
    with open_checkpoint(folder / "mask.png") as file:
        assert b"".join(_chunks(file.fileno())) == file.read() == b"mask"
    assert cpu_threads() >= 1 and cpu_name() and cpu_flags() == set() and memory_bytes() is None


def main() -> None:
    names = ours()
    loaded(names)
    for name in [name for name in sys.modules if name.split(".")[0] == "sam_mask_service"]:
        del sys.modules[name]
    hide()
    modules = loaded(names)
    used(Path(sys.argv[1]))
    sys.stdout.write(str(len(modules)))


if __name__ == "__main__":
    main()
