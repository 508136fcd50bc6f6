"""Every error this service answers with, on one page: class, code, status, fixed public text.

The whole tree (a subclass inherits its parent's status)::

    ServiceError
      BadRequest 400 bad_request
      KeyMissing 401 · KeyWrong 403 · PathOutsideRoot 403 · ForbiddenOrigin 403 · ForbiddenHost 403
      StoreRefused 403
      NotFound 404 · FileMissing 404 file_not_found · ImageGone 404 image_not_found · JobsOff 404 jobs_off
      MethodNotAllowed 405 · SlowRequest 408 · FileExists 409 · JobUnfinished 409 · TooLarge 413 · UnsupportedMedia 415
      InvalidParameter 422 · ImageUnreadable · ImageTooManyPixels · ImageTooSmall · NoFace · FaceNotFound · TooManyFaces
        RegionUnavailable · EngineUnavailable · SourceUnavailable · WebhookRefused             (all 422)
      TooManyRequests 429 · TooManyJobs 429 · HeadersTooLarge 431 · ClientLeft 499 (log only)
      Internal 500
      Unavailable 503: Busy · Starting · Draining · DeadlinePassed · StorageFull · DeviceFull · DeviceLost
        ImagesUnreachable · JobsUnreachable · StoreUnreachable                                 (Retry-After)
      SourceTimeout 504 · VersionUnsupported 505

``detail`` is what the caller reads. It is written by us, never taken from an exception, a path, a host or an address.
"""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """Base of all errors that have a public face. ``retry_after`` is in whole seconds."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    default_detail: ClassVar[str] = "The server failed to answer this request."
    retry_after: int | None = None

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        self.detail = detail or self.default_detail
        if retry_after is not None:
            self.retry_after = retry_after
        super().__init__(self.detail)


class Internal(ServiceError):
    """500: a fault of ours."""


class BadRequest(ServiceError):
    code, status, title = "bad_request", 400, "Bad request"
    default_detail = "The request could not be understood."


class KeyMissing(ServiceError):
    code, status, title = "key_missing", 401, "API key missing"
    default_detail = "This service needs an API key in the X-API-Key header."


class KeyWrong(ServiceError):
    code, status, title = "key_wrong", 403, "API key wrong"
    default_detail = "The API key is not the right one."


class PathOutsideRoot(ServiceError):
    code, status, title = "path_outside_root", 403, "Path outside the allowed folder"
    default_detail = "The path leads outside the folder that this service may use."


class ForbiddenOrigin(ServiceError):
    code, status, title = "forbidden_origin", 403, "Origin not allowed"
    default_detail = (
        "Requests from other web sites are not allowed (setting SAM_CORS_ORIGINS; behind a proxy: let it pass on Host)."
    )


class ForbiddenHost(ServiceError):
    code, status, title = "forbidden_host", 403, "Host not allowed"
    default_detail = "This service does not answer to that host name (setting SAM_ALLOWED_HOSTS)."


class StoreRefused(ServiceError):
    """Of the command line: pictures and results may lie in an object store."""

    code, status, title = "store_refused", 403, "Store refused"
    default_detail = "The object store does not accept these credentials, or they allow too little."


class NotFound(ServiceError):
    code, status, title = "not_found", 404, "Not found"
    default_detail = "There is nothing at this address."


class FileMissing(NotFound):
    code, title = "file_not_found", "File not found"
    default_detail = "There is no such file in the folder that this service may read."


class ImageGone(NotFound):
    code, title = "image_not_found", "Image id unknown"
    default_detail = (
        "There is no image under this id: it was never uploaded, has expired or was deleted. Upload it again."
    )


class JobsOff(NotFound):
    code, title = "jobs_off", "Jobs switched off"
    default_detail = "Jobs are switched off on this service (settings SAM_JOBS_DIR, SAM_JOBS_URL)."


class MethodNotAllowed(ServiceError):
    code, status, title = "method_not_allowed", 405, "Method not allowed"
    default_detail = "This address does not answer to this method."


class SlowRequest(ServiceError):
    code, status, title = "slow_request", 408, "Request too slow"
    default_detail = "The request did not arrive in time."


class FileExists(ServiceError):
    code, status, title = "file_exists", 409, "File exists"
    default_detail = "The output file exists already; send overwrite=true to replace it."


class JobUnfinished(ServiceError):
    code, status, title = "job_unfinished", 409, "Job unfinished"
    default_detail = "The job is not finished yet; its status says how far it is."


class TooLarge(ServiceError):
    code, status, title = "too_large", 413, "Too large"
    default_detail = "The request or the picture has more bytes than this service takes (setting SAM_MAX_BYTES)."


class UnsupportedMedia(ServiceError):
    code, status, title = "unsupported_media", 415, "Unsupported media type"
    default_detail = "This is not a picture in a format that this service reads."


class InvalidParameter(ServiceError):
    code, status, title = "invalid_parameter", 422, "Invalid parameter"
    default_detail = "A parameter is not valid."


class Unprocessable(ServiceError):
    """422 with a code of its own."""

    status = 422


class ImageUnreadable(Unprocessable):
    code, title = "image_unreadable", "Image unreadable"
    default_detail = "The picture is damaged, cut off or empty."


class ImageTooManyPixels(Unprocessable):
    code, title = "image_too_many_pixels", "Image has too many pixels"
    default_detail = "The picture has more pixels than this service takes."


class ImageTooSmall(Unprocessable):
    code, title = "image_too_small", "Image too small"
    default_detail = "The picture is too small to hold a face."


class NoFace(Unprocessable):
    code, title = "no_face", "No face found"
    default_detail = "No face was found in the picture. To look harder: recall=high, or a lower min_confidence."


class FaceNotFound(Unprocessable):
    code, title = "face_not_found", "Face not found"
    default_detail = "The picture has no such face."


class TooManyFaces(Unprocessable):
    code, title = "too_many_faces", "Too many faces"
    default_detail = (
        "More places may be faces than can be looked at in one picture: some would stay readable. Cut it into parts."
    )


class RegionUnavailable(Unprocessable):
    code, title = "region_unavailable", "Region unavailable"
    default_detail = "The loaded engine cannot give this region."


class EngineUnavailable(Unprocessable):
    code, title = "engine_unavailable", "Engine unavailable"
    default_detail = "The asked engine is not loaded."


class SourceUnavailable(Unprocessable):
    code, title = "source_unavailable", "Image source unavailable"
    default_detail = "The picture could not be fetched from this URL."


class WebhookRefused(Unprocessable):
    code, title = "webhook_refused", "Webhook refused"
    default_detail = "The webhook's host may not be called: only hosts on public addresses that can be found are."


class TooManyRequests(ServiceError):
    code, status, title = "too_many_requests", 429, "Too many requests"
    default_detail = "Too many requests from this address; try again later."
    retry_after = 60


class TooManyJobs(ServiceError):
    code, status, title = "too_many_jobs", 429, "Too many jobs"
    default_detail = "As many jobs wait as one caller may have (setting SAM_JOBS_MAX)."
    retry_after = 30


class HeadersTooLarge(ServiceError):
    code, status, title = "headers_too_large", 431, "Request head too large"
    default_detail = "The request line or the headers are longer than this service takes."


class ClientLeft(ServiceError):
    """Never sent (the client is gone); stands in the log as 499."""

    code, status, title = "client_left", 499, "Client left"
    default_detail = "The client closed the connection."


class Unavailable(ServiceError):
    status = 503
    retry_after = 1


class Busy(Unavailable):
    code, title = "busy", "Busy"
    default_detail = "All places are taken; try again soon."


class Starting(Unavailable):
    code, title = "starting", "Starting"
    default_detail = "The service is still loading its model."
    retry_after = 5


class Draining(Unavailable):
    code, title = "draining", "Draining"
    default_detail = "The service is shutting down."
    retry_after = 5


class DeadlinePassed(Unavailable):
    code, title = "deadline", "Deadline passed"
    default_detail = "The request took longer than its time limit."
    retry_after = 5


class StorageFull(Unavailable):
    code, title = "storage_full", "Storage full"
    default_detail = "There is no space left to write the result."
    retry_after = 60


class ImagesUnreachable(Unavailable):
    code, title = "images_unreachable", "Store of uploads unreachable"
    default_detail = "The store that keeps uploads to /images does not answer; pictures can be sent with each request."
    retry_after = 5


class JobsUnreachable(Unavailable):
    code, title = "jobs_unreachable", "Store of jobs unreachable"
    default_detail = "The store that keeps jobs does not answer; what it has taken in is not lost. Ask again soon."


class StoreUnreachable(Unavailable):
    """Of the command line: pictures and results may lie in an object store, work may be done by a cluster."""

    code, title = "store_unreachable", "Store unreachable"
    default_detail = "The object store does not answer."
    retry_after = 5


class DeviceFull(Unavailable):
    code, title = "device_full", "Card out of memory"
    default_detail = "The card that SAM runs on has no memory left for this picture; try again soon."


class DeviceLost(Unavailable):
    code, title = "device_lost", "Card lost"
    default_detail = "The card that SAM runs on does not answer any more; engine=mesh still does."
    retry_after = 60


class SourceTimeout(ServiceError):
    code, status, title = "source_timeout", 504, "Image source too slow"
    default_detail = "The picture did not arrive from this URL in time (setting SAM_URL_SECONDS)."


class VersionUnsupported(ServiceError):
    code, status, title = "version_unsupported", 505, "HTTP version not supported"
    default_detail = "This service speaks version 1.1 of HTTP."


def forget_tracebacks(error: BaseException | None) -> None:
    """Of an error that was dealt with, and of those it came from. A traceback holds the frames that hold the error:
    only the garbage collector undoes such a ring, two hundred objects a refusal, and of some thousand for a tenth of a
    second in which nothing else runs."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__
