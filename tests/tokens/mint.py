"""Signs JSON web tokens as Google does."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

PROJECT = "song-1"


class Mint:
    """One key, and tokens signed with it."""

    def __init__(self, key_id: str = "key-1") -> None:
        self.key_id = key_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def certificate(self) -> str:
        """The public key as Google gives it out: a certificate in PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def firebase(self, user: str = "clara", *, project: str = PROJECT, **changes: Any) -> str:
        """The ID token of a Firebase user; ``changes`` are claims, None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": f"https://securetoken.google.com/{project}", "aud": project, "sub": user, "user_id": user,
            "iat": now - 60, "auth_time": now - 60, "exp": now + 3540, "firebase": {"sign_in_provider": "custom"},
        }  # fmt: skip
        return self.sign(_changed(claims, changes))

    def task(self, *, audience: str, account: str, **changes: Any) -> str:
        """The token that Cloud Tasks sends along."""
        now = int(time.time())
        claims = {
            "iss": "https://accounts.google.com", "aud": audience, "sub": "1234567890", "azp": "1234567890",
            "email": account, "email_verified": True, "iat": now, "exp": now + 3600,
        }  # fmt: skip
        return self.sign(_changed(claims, changes))

    def sign(self, claims: object, *, header: dict[str, Any] | None = None) -> str:
        """A token of any claims, under the usual header unless another is given."""
        header = {"alg": "RS256", "kid": self.key_id, "typ": "JWT"} if header is None else header
        signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
        return f"{signed}.{self.signature(signed.encode())}"

    def signature(self, signed: bytes) -> str:
        return _part(self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def _part(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _changed(claims: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (claims | changes).items() if value is not None}
