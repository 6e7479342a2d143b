"""Links to audio that need no token of their owner: a player or a download cannot send one.

Conventions
-----------
A link's token is ``<key id>.<expiry>.<signature>``: HMAC-SHA256 over job, name and expiry, so that none of them can be
exchanged for another. Expiries lie on a grid of half the time that a link is good for: a client that asks for its job
again is given the same link for hours, and any link it is given is good for at least the whole time.
"""

from __future__ import annotations

import hmac
import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Final

from cantilena.errors import CantilenaError

_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]{8})\.([1-9][0-9]{0,14})\.([A-Za-z0-9_-]{43})")


class LinkError(CantilenaError):
    """A link leads nowhere: ``link_invalid`` (not one of ours, or of another file), ``link_expired``."""


class Links:
    """Signs and checks links.

    Parameters
    ----------
    keys : sequence of str
        The key that new links are signed with, then those whose links are still accepted.
    seconds : int
        How long a link is good, at least.
    now : callable
        Seconds of the wall clock, UTC.
    """

    def __init__(self, keys: Sequence[str], *, seconds: int, now: Callable[[], float] = time.time) -> None:
        if not keys or not all(keys):
            raise ValueError("links need a key")
        self._keys = {_digest(key, "key id")[:8]: key for key in reversed(keys)}
        self._key_id = _digest(keys[0], "key id")[:8]
        self._seconds = seconds
        self._now = now

    @property
    def edition(self) -> str:
        """The same as long as links stay the same; part of the ETag of a document that has links in it."""
        return f"{self._key_id}.{self._expiry()}"

    def token(self, job_id: str, name: str) -> str:
        """What makes the address of a job's output a link."""
        expiry = self._expiry()
        return f"{self._key_id}.{expiry}.{_signature(self._keys[self._key_id], job_id, name, expiry)}"

    def check(self, token: str, job_id: str, name: str) -> None:
        """See that a link leads to this output of this job, and still does.

        Raises
        ------
        LinkError
            ``link_invalid``, ``link_expired``.
        """
        shape = _SHAPE.fullmatch(token)
        key = self._keys.get(shape[1]) if shape else None
        if shape is None or key is None:
            raise _invalid()
        expiry = int(shape[2])
        if not hmac.compare_digest(_signature(key, job_id, name, expiry), shape[3]):
            raise _invalid()
        if self._now() >= expiry:
            raise LinkError(
                "link_expired", "This link has expired.", hint="Ask for the job again: it comes with a new link."
            )

    def _expiry(self) -> int:
        """The first point of the grid at which a link given now has been good for long enough."""
        grid = max(1, self._seconds // 2)
        return -(-int(self._now() + self._seconds + 1) // grid) * grid


def _signature(key: str, job_id: str, name: str, expiry: int) -> str:
    return _digest(key, json.dumps(["link", job_id, name, expiry]))


def _digest(key: str, text: str) -> str:
    return urlsafe_b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode().rstrip("=")


def _invalid() -> LinkError:
    return LinkError(
        "link_invalid",
        "This link leads nowhere: it was changed, or cut short, or is of another file.",
        hint="Ask for the job: it comes with a link of its own.",
    )
