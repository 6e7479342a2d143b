"""Tokens that Google signed: ID tokens of Firebase users, and those that Cloud Tasks sends along.

Both are JSON web tokens signed with RS256. A token is believed when its signature is that of one of Google's keys and
every claim is as Google documents it; nothing in its header chooses how it is checked.
"""

from __future__ import annotations

import json
import math
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeGuard

from cantilena.adapters.google_keys import SigningKeys
from cantilena.ports.identity import Caller, IdentityError

FIREBASE_KEYS: Final = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
GOOGLE_KEYS: Final = "https://www.googleapis.com/oauth2/v1/certs"
_GOOGLE_ISSUERS: Final = ("https://accounts.google.com", "accounts.google.com")
_SKEW_SECONDS: Final = 10
_LONGEST_TOKEN: Final = 8192
_LONGEST_SUBJECT: Final = 128
_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class FirebaseIdentity:
    """Users of a Firebase project, by their ID tokens.

    Parameters
    ----------
    project : str
        Id of the project.
    keys : SigningKeys
        Of :data:`FIREBASE_KEYS`.
    now : callable
        Seconds of the wall clock, UTC.
    """

    def __init__(self, project: str, *, keys: SigningKeys, now: Callable[[], float] = time.time) -> None:
        self._project = project
        self._keys = keys
        self._now = now

    def recognise(self, token: str | None) -> Caller:
        now = self._now()
        claims = _claims(token, keys=self._keys, now=now)
        _require_claims(claims, issuers=(f"https://securetoken.google.com/{self._project}",), audience=self._project)
        if not _is_past(claims.get("auth_time"), now):
            raise _invalid("it does not say when its user signed in")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise _invalid("it names no user")
        return Caller(owner=subject)


class TasksIdentity:
    """Cloud Tasks, by the OIDC token that it sends along.

    Parameters
    ----------
    audience : str
        What tokens must have been made for: the address of this service.
    account : str
        E-mail address of the service account that the queue calls as.
    keys : SigningKeys
        Of :data:`GOOGLE_KEYS`.
    now : callable
        Seconds of the wall clock, UTC.
    """

    def __init__(self, *, audience: str, account: str, keys: SigningKeys, now: Callable[[], float] = time.time) -> None:
        self._audience = audience
        self._account = account
        self._keys = keys
        self._now = now

    def recognise(self, token: str | None) -> Caller:
        claims = _claims(token, keys=self._keys, now=self._now())
        _require_claims(claims, issuers=_GOOGLE_ISSUERS, audience=self._audience)
        if claims.get("email") != self._account or claims.get("email_verified") is not True:
            raise _invalid("it is of another account")
        return Caller(owner=self._account)


def _claims(token: str | None, *, keys: SigningKeys, now: float) -> Mapping[str, Any]:
    """What a token says, once its signature and its time were found right."""
    if not token:
        raise IdentityError("token_missing", "This needs a token.", hint="Send it as 'Authorization: Bearer TOKEN'.")
    shape = _SHAPE.fullmatch(token) if len(token) <= _LONGEST_TOKEN else None
    if shape is None:
        raise _invalid("it is no signed JSON web token")
    header, payload, signature = (_decoded(part) for part in shape.groups())
    named = _document(header)
    key_id = named.get("kid")
    if named.get("alg") != "RS256" or "crit" in named or not isinstance(key_id, str):
        raise _invalid("it is not signed with RS256 and a key that it names")
    key = keys.find(key_id)
    if key is None or not key.verify(f"{shape[1]}.{shape[2]}".encode(), signature):
        raise _invalid("its signature is not right")
    claims = _document(payload)
    expiry: object = claims.get("exp")
    if not _is_time(expiry) or not _is_past(claims.get("iat"), now):
        raise _invalid("it does not say from when and until when it is good")
    if now >= expiry + _SKEW_SECONDS:
        raise IdentityError("token_expired", "The token has expired.", hint="Sign in again, or refresh the token.")
    return claims


def _require_claims(claims: Mapping[str, Any], *, issuers: Collection[str], audience: str) -> None:
    if claims.get("iss") not in issuers or claims.get("aud") != audience:
        raise _invalid("it was made by or for somebody else")


def _is_past(value: object, now: float) -> bool:
    return _is_time(value) and value <= now + _SKEW_SECONDS


def _is_time(value: object) -> TypeGuard[float]:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise _invalid("it is no signed JSON web token") from error


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid("it is no signed JSON web token") from error
    if not isinstance(document, dict):
        raise _invalid("it is no signed JSON web token")
    return document


def _invalid(reason: str) -> IdentityError:
    return IdentityError(
        "token_invalid", f"The token is not accepted: {reason}.", hint="Sign in again, and send the ID token as it is."
    )
