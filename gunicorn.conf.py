"""Read by gunicorn from the folder that it is started in; the settings themselves are part of the package."""

from sam_mask_service.http.gunicorn import *  # noqa: F403 - gunicorn takes every name from here
