"""Who calls: tokens turned into the name of an owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cantilena.errors import CantilenaError


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who was recognised; ``owner`` is what sessions and jobs are filed under."""

    owner: str


class IdentityError(CantilenaError):
    """Somebody was not recognised.

    ``token_missing``, ``token_invalid``, ``token_expired``; ``identity_unreachable`` (retryable): the keys that tokens
    are checked with could not be fetched.
    """


class Identity(Protocol):
    """Whoever checks tokens."""

    def recognise(self, token: str | None) -> Caller:
        """Who sent this bearer token; None: none was sent. Raises :class:`IdentityError`."""
        ...
