"""The public keys that Google signs tokens with, fetched over HTTP and kept; the only module that asks for them.

Conventions
-----------
Nobody waits longer than ``FETCH_SECONDS``, however slow the answer is, and however many wait for the same one. Keys
are kept as long as ``Cache-Control`` says, and for ``STALE_SECONDS`` more where no newer ones can be had: Google
announces a key days before it is used, and an outage of that one address should not lock everybody out.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cantilena.ports.identity import IdentityError

FETCH_SECONDS: Final = 2.5
STALE_SECONDS: Final = 2 * 3600
SHORTEST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 86_400
UNKNOWN_SECONDS: Final = 60
"""Between two fetches for the sake of keys nobody has heard of: anybody can name one."""
RETRY_SECONDS: Final = 10
_LONGEST_ANSWER: Final = 256 * 1024


class Verifier(Protocol):
    """A public key."""

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's, of this message (RSASSA-PKCS1-v1_5 with SHA-256)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    verifiers: Mapping[str, Verifier]
    fresh_until: float


@dataclass(slots=True)
class _Flight:
    began: float
    landed: threading.Event


class SigningKeys:
    """The keys of one address; safe under threads.

    Parameters
    ----------
    url : str
        Answers with a JSON object of PEM certificates by key id.
    now : callable
        Seconds of a clock that does not go back.
    fetch_seconds : float
        How long somebody waits for an answer.
    """

    def __init__(
        self, url: str, *, now: Callable[[], float] = time.monotonic, fetch_seconds: float = FETCH_SECONDS
    ) -> None:
        self._url = url
        self._now = now
        self._fetch_seconds = fetch_seconds
        self._lock = threading.Lock()
        self._keys: _Keys | None = None
        self._asked_at: float | None = None
        self._is_out_of_reach = False
        self._flight: _Flight | None = None

    def find(self, key_id: str) -> Verifier | None:
        """The key of that id; None: there is none.

        Raises
        ------
        IdentityError
            ``identity_unreachable``: it cannot be told, as the keys cannot be fetched.
        """
        keys, pause = self._usable(key_id)
        if pause is not None and self._is_due(pause):
            self._fetch()
            keys, _ = self._usable(key_id)
        found = None if keys is None else keys.verifiers.get(key_id)
        if found is None and (keys is None or self._is_out_of_reach):
            raise IdentityError(
                "identity_unreachable",
                "The keys that tokens are checked with could not be fetched.",
                hint="Try again in a moment.",
                retryable=True,
            )
        return found

    def _usable(self, key_id: str) -> tuple[_Keys | None, float | None]:
        """The keys there are, and, if newer ones are wanted, how long ago they must have been asked for last."""
        keys, now = self._keys, self._now()
        if keys is None or now >= keys.fresh_until + STALE_SECONDS:
            return None, RETRY_SECONDS
        if now >= keys.fresh_until:
            return keys, RETRY_SECONDS
        return keys, None if key_id in keys.verifiers else UNKNOWN_SECONDS

    def _is_due(self, pause: float) -> bool:
        """Whether to fetch, or to wait for what is being fetched."""
        with self._lock:
            if self._flight is not None:
                return True
            return self._asked_at is None or self._now() - self._asked_at >= pause

    def _fetch(self) -> None:
        """Wait until the keys were fetched, or for as long as anybody does; one fetch serves all who wait."""
        with self._lock:
            if self._flight is None:
                self._flight = _Flight(began=self._now(), landed=threading.Event())
                # in a thread of its own: looking up a name, or an answer that drips, knows no deadline
                threading.Thread(target=self._fly, args=(self._flight,), name="google-keys", daemon=True).start()
            flight = self._flight
        if not flight.landed.wait(max(0.0, flight.began + self._fetch_seconds - self._now())):
            with self._lock:
                self._is_out_of_reach = self._is_out_of_reach or self._flight is flight

    def _fly(self, flight: _Flight) -> None:
        keys = None
        try:
            verifiers, seconds = fetch_keys(self._url, self._fetch_seconds)
            keys = _Keys(verifiers=verifiers, fresh_until=self._now() + seconds)
        except (OSError, ValueError, RecursionError):  # no answer, or one that makes no sense
            pass
        finally:  # whatever happened, nobody may wait for a flight that has crashed
            with self._lock:
                self._keys = keys or self._keys
                self._is_out_of_reach = keys is None
                self._asked_at = self._now()
                self._flight = None
            flight.landed.set()


def fetch_keys(url: str, seconds: float) -> tuple[dict[str, Verifier], float]:
    """The keys of an address, and for how many seconds they are fresh.

    Raises
    ------
    OSError, ValueError
        There is no answer in time, or none that makes sense.
    """
    from http.client import HTTPException
    from urllib.request import urlopen

    from google.auth.crypt import RSAVerifier

    began = time.monotonic()
    try:
        with urlopen(url, timeout=seconds) as answer:  # an address of the settings, http or https
            content = b""
            while block := answer.read1(_LONGEST_ANSWER):
                content += block
                if len(content) > _LONGEST_ANSWER or time.monotonic() - began > seconds:
                    raise ValueError("the answer is too long")
            fresh = _fresh_seconds(answer.headers.get("Cache-Control", ""), answer.headers.get("Age", ""))
    except HTTPException as error:
        raise OSError(str(error)) from error
    certificates: Any = json.loads(content)
    if not isinstance(certificates, dict) or not certificates:
        raise ValueError("the answer holds no keys")
    read_key: Callable[[str], Verifier] = RSAVerifier.from_string
    return {key_id: read_key(str(pem)) for key_id, pem in certificates.items()}, fresh


def _fresh_seconds(cache_control: str, age: str) -> float:
    """How long an answer may be kept; a minute at least, as every request would ask again otherwise."""
    named = re.search(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])", cache_control, re.IGNORECASE)
    seconds = int(named[1]) if named else 0
    seconds -= int(age) if re.fullmatch("[0-9]{1,9}", age) else 0
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
