"""Why a model file is not there: one class per reason, each with words of its own. The service shows the text to its
user.
"""

from __future__ import annotations


class WeightsError(Exception):
    """Why a model file is not there. The text is fit for a user: it names the model and what to do, and no path.

    WeightsError
      ModelUnknown · ModelMissing · Offline · LicenceNotAccepted · UnsafeFile
      DownloadFailed · WrongBytes · DiskFull · FolderNotWritable
    """


class ModelUnknown(WeightsError):
    pass


class ModelMissing(WeightsError):
    pass


class Offline(ModelMissing):
    pass


class LicenceNotAccepted(WeightsError):
    pass


class UnsafeFile(WeightsError):
    pass


class DownloadFailed(WeightsError):
    pass


class WrongBytes(WeightsError):
    pass


class DiskFull(WeightsError):
    pass


class FolderNotWritable(WeightsError):
    pass
