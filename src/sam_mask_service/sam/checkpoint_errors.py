"""Why a checkpoint is not loaded."""

from __future__ import annotations


class CheckpointError(Exception):
    """A file that is not loaded. The text names what is wrong, and no path.

    CheckpointError
      NotACheckpoint    no torch zip archive at all (HTML page, empty, other format)
      LegacyCheckpoint  torch's format before 1.6, or a tar archive
      DamagedCheckpoint cut off, or its parts contradict each other
      HostileCheckpoint asks for something that no checkpoint of weights needs
      WrongArchitecture well-formed, but no SAM of a known kind (architecture.py)
    """


class NotACheckpoint(CheckpointError):
    pass


class LegacyCheckpoint(CheckpointError):
    pass


class DamagedCheckpoint(CheckpointError):
    pass


class HostileCheckpoint(CheckpointError):
    pass


class WrongArchitecture(CheckpointError):
    pass
