"""What no process may start with: whatever would make a service of others sing, write or believe the wrong thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cantilena.errors import OptionError
from cantilena.settings.model import Settings

_EMULATORS: Final = (
    "STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "FIREBASE_AUTH_EMULATOR_HOST", "TASKS_EMULATOR_HOST",
)  # fmt: skip
_REHEARSAL: Final = "for a rehearsal off Cloud Run set ALLOW_EMULATORS to rehearsal."


def bad_environment(message: str, *, hint: str) -> OptionError:
    """Something in the environment is not as it must be."""
    return OptionError("option_bad_environment", message, hint=hint)


def refuse_environment(environment: Mapping[str, str]) -> None:
    """Refuse what can be told before any value is read.

    Raises
    ------
    OptionError
        ``option_bad_environment``.
    """
    named = environment.get("APP_ENV", "").strip().casefold()
    on_cloud_run = any(environment.get(name) for name in ("K_SERVICE", "CLOUD_RUN_JOB"))
    if environment.get("K_SERVICE") and not named:
        raise bad_environment("APP_ENV is not set, but this runs on Cloud Run.", hint="Set APP_ENV to prod.")
    allowed = environment.get("ALLOW_EMULATORS", "").strip()
    if allowed and on_cloud_run:
        raise bad_environment("ALLOW_EMULATORS must not be set on Cloud Run.", hint="Unset ALLOW_EMULATORS.")
    emulators = [name for name in _EMULATORS if environment.get(name)]
    if named == "prod" and emulators and not allowed:
        raise bad_environment(
            f"{' and '.join(emulators)} must not be set where APP_ENV is prod.", hint=f"Unset it; {_REHEARSAL}"
        )


def refuse_settings(settings: Settings) -> None:
    """Refuse values that are allowed, but not together.

    Raises
    ------
    OptionError
        ``option_bad_environment``.
    """
    if settings.app_env != "prod":
        return
    if settings.identity == "none":
        raise bad_environment(
            "IDENTITY must not be none where APP_ENV is prod: everybody would own everything.",
            hint="Unset IDENTITY, or set it to firebase.",
        )
    if settings.is_rehearsal:
        return
    if settings.identity_certs_url:
        raise bad_environment(
            "IDENTITY_CERTS_URL must not be set where APP_ENV is prod: whoever answers there could be anybody.",
            hint=f"Unset it; {_REHEARSAL}",
        )
    if settings.dispatch == "queue":
        raise bad_environment(
            "DISPATCH must not be queue where APP_ENV is prod: jobs would be sung without the CPU of a request.",
            hint=f"Unset DISPATCH, or set it to tasks; {_REHEARSAL}",
        )
    if settings.service_url.startswith("http:"):
        raise bad_environment(
            "SERVICE_URL must begin with https: where APP_ENV is prod.", hint="Set SERVICE_URL to the https address."
        )
