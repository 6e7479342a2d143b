"""What the service asks of its settings before it starts."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal

from cantilena.errors import OptionError
from cantilena.settings.model import VARIABLES, Settings
from cantilena.settings.refusals import bad_environment


def document_store(settings: Settings) -> Literal["firestore", "sqlite"]:
    """Where sessions and jobs are kept."""
    return "firestore" if settings.app_env in ("dev", "prod") or settings.firestore_emulator_host else "sqlite"


def object_store(settings: Settings) -> Literal["bucket", "folder"]:
    """Where scores and audio are kept."""
    is_named = settings.app_env == "dev" and settings.storage_bucket
    return "bucket" if settings.app_env == "prod" or settings.storage_emulator_host or is_named else "folder"


def require_service(settings: Settings) -> None:
    """Refuse to start the service without something it needs.

    Raises
    ------
    OptionError
        ``option_missing_environment``: variables are not set, all of them named.
    """
    needed = [name for name in _needed(settings) if not getattr(settings, name)]
    if needed:
        variables = [VARIABLES[name] for name in needed]
        names = " and ".join(variable.name for variable in variables)
        raise OptionError(
            "option_missing_environment",
            f"{names} must be set where APP_ENV is {settings.app_env}.",
            hint=" ".join(f"{variable.name}: {variable.description}" for variable in variables),
        )


def _needed(settings: Settings) -> tuple[str, ...]:
    """Fields that must not be empty, in the order in which somebody would set them."""
    names: list[str] = []
    if document_store(settings) == "firestore":  # without it the client would make one up
        names.append("google_cloud_project")
    if settings.app_env == "dev":  # else a laptop would write into a real database
        names.append("firestore_emulator_host")
    if object_store(settings) == "bucket":
        names.append("storage_bucket")
    if settings.identity == "firebase":
        names.append("firebase_project")
    if settings.app_env == "prod":  # each instance would make a key of its own
        names.append("link_signing_key")
    if settings.dispatch == "tasks":
        names += ["tasks_queue", "tasks_service_account", "service_url"]
    return tuple(names)


def require_closed_door(settings: Settings, host: str) -> None:
    """Refuse to listen where others than this machine's users could call, if nobody is asked who they are.

    Raises
    ------
    OptionError
        ``option_bad_environment``.
    """
    if settings.identity == "none" and not is_loopback(host):
        raise bad_environment(
            f"The service must not listen on {host} while IDENTITY is none: everybody there would own everything.",
            hint="Listen on 127.0.0.1 (unset PORT, or give --host), or set IDENTITY to firebase.",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host, by name or address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
