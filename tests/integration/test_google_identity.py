"""Tokens that are believed, and the list of those that were tried and are not."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cantilena.adapters.google_identity import FirebaseIdentity, TasksIdentity
from cantilena.adapters.google_keys import SigningKeys
from cantilena.adapters.no_identity import NoIdentity
from cantilena.ports.identity import IdentityError
from tests.tokens import PROJECT, KeyServer, Mint, run_key_server

URL, ACCOUNT = "https://sing.example", "tasks@song-1.iam.gserviceaccount.com"
MINT, STRANGER = Mint(), Mint()
NOW = int(time.time())


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with run_key_server(MINT) as server:
        yield server


@pytest.fixture(scope="module")
def firebase(keys: KeyServer) -> FirebaseIdentity:
    return FirebaseIdentity(PROJECT, keys=SigningKeys(keys.url))


@pytest.fixture(scope="module")
def tasks(keys: KeyServer) -> TasksIdentity:
    return TasksIdentity(audience=URL, account=ACCOUNT, keys=SigningKeys(keys.url))


def _part(document: object) -> str:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _unsigned(token: str, header: dict[str, Any], signature: str = "") -> str:
    return f"{_part(header)}.{token.split('.')[1]}.{signature}"


def _by_public_key(algorithm: str, secret: str) -> str:
    """Signed with what everybody knows, as if it were a shared secret."""
    signed = f"{_part({'alg': algorithm, 'kid': MINT.key_id})}.{MINT.firebase().split('.')[1]}"
    return f"{signed}.{_part(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def _forged() -> dict[str, str]:
    token = MINT.firebase()
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    usual = {"alg": "RS256", "kid": MINT.key_id, "typ": "JWT"}
    half = f"{header}.{_part(b'{')}"

    def under(**changes: Any) -> str:
        return MINT.sign(claims, header={k: v for k, v in (usual | changes).items() if v is not None})

    return {
        # how it is signed
        "unsigned": _unsigned(token, {"alg": "none"}), "unsigned, with the key's id": _unsigned(token, usual),
        "None with a signature": _unsigned(token, {"alg": "None", "kid": MINT.key_id}, signature),
        "of the emulator": _unsigned(token, {"alg": "none", "typ": "JWT"}),
        "HS256 with the certificate": _by_public_key("HS256", MINT.certificate),
        "RS256, but a hash with the certificate": _by_public_key("RS256", MINT.certificate),
        "ES256 named": under(alg="ES256"), "RS512 named": under(alg="RS512"), "no algorithm": under(alg=None),
        "a list of algorithms": under(alg=["RS256"]), "lower case": under(alg="rs256"),
        "an extension that must be known": under(crit=["exp"]), "a key inside": under(kid=None, jwk={"kty": "RSA"}),
        "an address of keys": under(kid="other", jku="http://127.0.0.1:1/keys"),
        "signed by a stranger": STRANGER.firebase(), "signed by a stranger, sent twice": STRANGER.firebase(),
        "an unknown key": under(kid="key-2"), "no key named": under(kid=None), "a number for a key": under(kid=1),
        "a path for a key": under(kid="../../etc/passwd"), "an empty key": under(kid=""),
        # what it says, after it was signed
        "another user, not signed again": f"{header}.{_part(claims | {'sub': 'robert'})}.{signature}",
        "a longer life, not signed again": f"{header}.{_part(claims | {'exp': NOW + 10**6})}.{signature}",
        "the signature of another": f"{header}.{payload}.{MINT.firebase('robert').split('.')[2]}",
        "half a signature": token[:-20], "no signature": f"{header}.{payload}.", "two parts": f"{header}.{payload}",
        "four parts": f"{token}.{signature}", "five parts, encrypted": f"{header}.{payload}.a.b.{signature}",
        # what it says, signed
        "the issuer of another project": MINT.firebase(iss="https://securetoken.google.com/song-2"),
        "for another project": MINT.firebase(aud="song-2"), "of another project": MINT.firebase(project="song-2"),
        "for several": MINT.firebase(aud=[PROJECT, "song-2"]), "for a list of one": MINT.firebase(aud=[PROJECT]),
        "for nobody": MINT.firebase(aud=None), "of nobody": MINT.firebase(iss=None),
        "Google's, but not Firebase's": MINT.firebase(iss="https://accounts.google.com"),
        "the issuer with a slash": MINT.firebase(iss=f"https://securetoken.google.com/{PROJECT}/"),
        "of a task": MINT.task(audience=PROJECT, account=ACCOUNT), "a session cookie": MINT.firebase(
            iss=f"https://session.firebase.google.com/{PROJECT}"),
        "no user": MINT.firebase(sub=None), "an empty user": MINT.firebase(sub=""), "a number": MINT.firebase(sub=7),
        "a user too long": MINT.firebase("c" * 129), "a line break": MINT.firebase("clara\nrobert"),
        "a null": MINT.firebase("clara\0"), "a list of users": MINT.firebase(sub=["clara"]),
        "from the future": MINT.firebase(iat=NOW + 3600), "signed in in the future": MINT.firebase(auth_time=NOW + 999),
        "no time of sign-in": MINT.firebase(auth_time=None), "no time": MINT.firebase(iat=None),
        "no end": MINT.firebase(exp=None), "an end in words": MINT.firebase(exp=str(NOW + 999)),
        "never ending": MINT.firebase(exp=float("inf")), "not a number": MINT.firebase(exp=float("nan")),
        "true for an end": MINT.firebase(exp=True), "a list for an end": MINT.firebase(exp=[NOW + 999]),
        # no token at all
        "a word": "token", "dots": "..", "spaces": f" {token}", "a line after": f"{token}\n", "padded": f"{token}==",
        "quotes": f'"{token}"', "Bearer twice": f"Bearer {token}", "too long": MINT.firebase(name="x" * 8192),
        "a list": MINT.sign([claims]), "a text": MINT.sign("clara"), "null": MINT.sign(None),
        "not JSON": f"{half}.{MINT.signature(half.encode())}",
        "a header that is no object": f"{_part([usual])}.{payload}.{signature}",
        "a header of brackets": f"{_part(b'[' * 5000)}.{payload}.{signature}",
        "not UTF-8": f"{_part(bytes([255, 254]))}.{payload}.{signature}", "letters of elsewhere": f"\u00e9.{payload}.x",
        "a megabyte": "A" * 2**20, "a null byte": f"{token}\0", "one letter": "a.b.c",
    }  # fmt: skip


@pytest.mark.parametrize("what", _forged())
def test_what_firebase_did_not_sign_for_this_project_is_not_believed(what: str, firebase: FirebaseIdentity) -> None:
    with pytest.raises(IdentityError) as caught:
        firebase.recognise(_forged()[what])
    assert caught.value.code == "token_invalid"
    assert not caught.value.retryable


def test_a_user_is_recognised(firebase: FirebaseIdentity) -> None:
    assert firebase.recognise(MINT.firebase("clara")).owner == "clara"
    assert firebase.recognise(MINT.firebase("\u00fcml\u00e4ut" + "c" * 100)).owner.startswith("\u00fcml\u00e4ut")


def test_a_clock_may_be_a_little_wrong(firebase: FirebaseIdentity) -> None:
    now = time.time()
    firebase.recognise(MINT.firebase(iat=now + 8, auth_time=now + 8, exp=now - 8))


@pytest.mark.parametrize("age", [12, 3600, 10**9, 10**400])
def test_an_expired_token_says_so(age: int, firebase: FirebaseIdentity) -> None:
    with pytest.raises(IdentityError) as caught:
        firebase.recognise(MINT.firebase(exp=int(time.time()) - age))
    assert caught.value.code == "token_expired"


@pytest.mark.parametrize("token", [None, ""])
def test_a_missing_token_is_said(token: str | None, firebase: FirebaseIdentity, tasks: TasksIdentity) -> None:
    for identity in (firebase, tasks):
        with pytest.raises(IdentityError) as caught:
            identity.recognise(token)
        assert caught.value.code == "token_missing"


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_the_queue_is_recognised(issuer: str, tasks: TasksIdentity) -> None:
    assert tasks.recognise(MINT.task(audience=URL, account=ACCOUNT, iss=issuer)).owner == ACCOUNT


def _forged_tasks() -> dict[str, str]:
    return {
        "of a user": MINT.firebase(), "of a user, for the service": MINT.firebase(aud=URL),
        "of a user with the account's address": MINT.firebase(aud=URL, email=ACCOUNT, email_verified=True),
        "for another service": MINT.task(audience="https://other.example", account=ACCOUNT),
        "for a path of it": MINT.task(audience=f"{URL}/internal/jobs/1/run", account=ACCOUNT),
        "of another account": MINT.task(audience=URL, account="other@song-1.iam.gserviceaccount.com"),
        "in upper case": MINT.task(audience=URL, account=ACCOUNT.upper()),
        "not verified": MINT.task(audience=URL, account=ACCOUNT, email_verified=False),
        "verified in words": MINT.task(audience=URL, account=ACCOUNT, email_verified="true"),
        "verified by nobody": MINT.task(audience=URL, account=ACCOUNT, email_verified=None),
        "without an address": MINT.task(audience=URL, account=ACCOUNT, email=None),
        "of another issuer": MINT.task(audience=URL, account=ACCOUNT, iss="https://accounts.google.com.example"),
        "signed by a stranger": STRANGER.task(audience=URL, account=ACCOUNT),
        "unsigned": _unsigned(MINT.task(audience=URL, account=ACCOUNT), {"alg": "none"}),
        "from the future": MINT.task(audience=URL, account=ACCOUNT, iat=NOW + 3600),
    }  # fmt: skip


@pytest.mark.parametrize("what", _forged_tasks())
def test_what_google_did_not_sign_for_the_queue_is_not_believed(what: str, tasks: TasksIdentity) -> None:
    with pytest.raises(IdentityError) as caught:
        tasks.recognise(_forged_tasks()[what])
    assert caught.value.code == "token_invalid"


def test_an_expired_task_is_said(tasks: TasksIdentity) -> None:
    with pytest.raises(IdentityError) as caught:
        tasks.recognise(MINT.task(audience=URL, account=ACCOUNT, exp=int(time.time()) - 60))
    assert caught.value.code == "token_expired"


def test_no_token_is_repeated_in_what_is_said(firebase: FirebaseIdentity) -> None:
    for token in (STRANGER.firebase("clara-schumann"), MINT.firebase("clara-schumann", aud="x")):
        with pytest.raises(IdentityError) as caught:
            firebase.recognise(token)
        said = caught.value.message + caught.value.hint
        assert "schumann" not in said
        assert token[:20] not in said


def test_where_nobody_is_asked_everybody_is_the_same() -> None:
    assert NoIdentity().recognise(None) == NoIdentity().recognise("anything")
