"""What a caller reads when his URL gave no picture: which kind of failure, and which setting mends it. Pure.

A name that is not known and one that leads to an address inside read the same, so that nobody learns the names of the
network that the service stands in. Whoever opened networks has hosts inside that answer: there a caller is told no more
than that it failed, so that nobody learns which of them listen. The reason itself stands in the log's line and in
``/metrics``.
"""

from __future__ import annotations

from ..errors import SourceUnavailable
from .netguard import FetchFailed, Reason, UrlPolicy

_NO_ADDRESS = (
    "The URL's host has no public address, or is not known. A picture server on a network of your own is opened by its "
    "range (setting SAM_URL_ALLOW_NETWORKS)."
)
_ODD = "The URL's host answered in a way that is not read here."
_LEADS_ON = "The URL leads on to another one, which is not followed: to no picture, too often, or from https to http."
OF_HOSTS = (
    f"{SourceUnavailable.default_detail} The service's log and metrics say why (private networks are opened here, so "
    "that the answer does not)."
)
"""Of hosts where some inside are opened."""
TOLD: dict[Reason, str] = {
    "host_syntax": "The URL's host is neither a name nor an address in its plain form.",
    "host_not_listed": "Pictures are fetched from listed hosts alone, and this is none (setting SAM_URL_HOSTS).",
    "dns": _NO_ADDRESS,
    "address": _NO_ADDRESS,
    "port": "Pictures are fetched from the ports 80 and 443 alone, but for opened networks.",
    "redirect": _LEADS_ON,
    "downgrade": _LEADS_ON,
    "connect": "The URL's host cannot be connected to: nobody answers, it hangs up, or its certificate is not valid.",
    "protocol": _ODD,
    "encoding": _ODD,
    "status": "The URL's host answered with an error and not with a picture.",
    "content": "What is at the URL is not a picture in a format that this service reads.",
}
_OF_THE_TEXT: frozenset[Reason] = frozenset({"off", "host_syntax", "host_not_listed"})
"""What the URL's text alone decides: it tells nothing of any host."""


def told(failed: FetchFailed, policy: UrlPolicy) -> FetchFailed:
    """``failed`` with the words for the caller; those that it has already stay."""
    if failed.detail != SourceUnavailable.default_detail:
        return failed
    silent = bool(policy.networks) and failed.reason not in _OF_THE_TEXT
    return FetchFailed(failed.reason, OF_HOSTS if silent else TOLD[failed.reason])
