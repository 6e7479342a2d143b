"""What the service is told by the environment, and what it refuses to start with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cantilena.errors import OptionError
from cantilena.settings import Settings, load_settings, setting_origins
from cantilena.settings.folders import data_folder
from cantilena.settings.model import VARIABLES
from cantilena.settings.service import document_store, object_store, require_closed_door, require_service

KEY = "a signing key of thirty-two or more"
PROD = {
    "APP_ENV": "prod", "GOOGLE_CLOUD_PROJECT": "song-1", "STORAGE_BUCKET": "songs", "LINK_SIGNING_KEY": KEY,
    "TASKS_QUEUE": "projects/song-1/locations/europe-west1/queues/songs",
    "TASKS_SERVICE_ACCOUNT": "tasks@song-1.iam.gserviceaccount.com", "SERVICE_URL": "https://sing.example",
}  # fmt: skip
REHEARSAL = {**PROD, "ALLOW_EMULATORS": "rehearsal", "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}
ROOT = Path(__file__).resolve().parents[2]


def _refused(environment: dict[str, str]) -> OptionError:
    with pytest.raises(OptionError) as caught:
        require_service(load_settings(environment))
    return caught.value


def test_a_laptop_with_nothing_set_has_all_it_needs() -> None:
    settings = load_settings({})
    require_service(settings)
    require_closed_door(settings, "127.0.0.1")
    assert (settings.identity, settings.dispatch, document_store(settings), object_store(settings)) == (
        "none", "queue", "sqlite", "folder",
    )  # fmt: skip


def test_production_has_all_it_needs() -> None:
    settings = load_settings(PROD)
    require_service(settings)
    require_closed_door(settings, "0.0.0.0")
    assert (settings.identity, settings.dispatch, document_store(settings), object_store(settings)) == (
        "firebase", "tasks", "firestore", "bucket",
    )  # fmt: skip
    assert settings.firebase_project == "song-1"


@pytest.mark.parametrize("name", sorted(set(PROD) - {"APP_ENV"}))
def test_production_says_what_is_missing(name: str) -> None:
    error = _refused({key: value for key, value in PROD.items() if key != name})
    assert error.code == "option_missing_environment"
    assert name in error.message


def test_all_that_is_missing_is_said_at_once() -> None:
    error = _refused({"APP_ENV": "prod"})
    assert all(name in error.message for name in set(PROD) - {"APP_ENV"})


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({**PROD, "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, "FIRESTORE_EMULATOR_HOST"),
        ({**PROD, "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}, "STORAGE_EMULATOR_HOST"),
        ({**PROD, "FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:1"}, "FIREBASE_AUTH_EMULATOR_HOST"),
        ({**PROD, "TASKS_EMULATOR_HOST": "127.0.0.1:1"}, "TASKS_EMULATOR_HOST"),
        ({**PROD, "APP_ENV": "PROD", "TASKS_EMULATOR_HOST": "127.0.0.1:1"}, "TASKS_EMULATOR_HOST"),
        ({**REHEARSAL, "K_SERVICE": "cantilena"}, "ALLOW_EMULATORS"),
        ({**PROD, "ALLOW_EMULATORS": "rehearsal", "K_SERVICE": "cantilena"}, "ALLOW_EMULATORS"),
        ({**PROD, "ALLOW_EMULATORS": "rehearsal", "CLOUD_RUN_JOB": "sing"}, "ALLOW_EMULATORS"),
        ({**REHEARSAL, "ALLOW_EMULATORS": "yes"}, "ALLOW_EMULATORS"),
        ({"K_SERVICE": "cantilena"}, "APP_ENV"),
        ({**PROD, "IDENTITY": "none"}, "IDENTITY"),
        ({**REHEARSAL, "IDENTITY": "none"}, "IDENTITY"),
        ({**PROD, "IDENTITY_CERTS_URL": "http://127.0.0.1:1/certs"}, "IDENTITY_CERTS_URL"),
        ({**PROD, "DISPATCH": "queue"}, "DISPATCH"),
        ({**PROD, "SERVICE_URL": "http://sing.example"}, "SERVICE_URL"),
    ],
)
def test_what_would_believe_or_write_the_wrong_place_is_refused(environment: dict[str, str], named: str) -> None:
    error = _refused(environment)
    assert error.code == "option_bad_environment"
    assert named in error.message


def test_a_rehearsal_may_use_what_production_may_not() -> None:
    settings = load_settings(
        REHEARSAL
        | {"DISPATCH": "queue", "IDENTITY_CERTS_URL": "http://127.0.0.1:1/c", "SERVICE_URL": "http://[::1]:80"}
    )
    require_service(settings)
    assert settings.is_rehearsal
    assert not load_settings({"ALLOW_EMULATORS": "rehearsal"}).is_rehearsal


def test_a_laptop_never_writes_into_a_real_database() -> None:
    assert "FIRESTORE_EMULATOR_HOST" in _refused({"APP_ENV": "dev", "GOOGLE_CLOUD_PROJECT": "song-1"}).message


@pytest.mark.parametrize(
    ("environment", "documents", "objects"),
    [
        ({}, "sqlite", "folder"),
        ({"STORAGE_BUCKET": "songs"}, "sqlite", "folder"),
        ({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, "firestore", "folder"),
        ({"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}, "sqlite", "bucket"),
        ({"APP_ENV": "dev"}, "firestore", "folder"),
        ({"APP_ENV": "dev", "STORAGE_BUCKET": "songs"}, "firestore", "bucket"),
        ({"APP_ENV": "test", "STORAGE_BUCKET": "songs"}, "sqlite", "folder"),
        (PROD, "firestore", "bucket"),
    ],
)
def test_where_things_are_kept(environment: dict[str, str], documents: str, objects: str) -> None:
    settings = load_settings(environment)
    assert (document_store(settings), object_store(settings)) == (documents, objects)


def test_the_emulator_needs_a_project_by_name() -> None:
    error = _refused({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"})
    assert "GOOGLE_CLOUD_PROJECT" in error.message


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_who_is_not_asked_for_a_name_comes_from_this_machine(host: str) -> None:
    require_closed_door(load_settings({}), host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "localhost.example", "127.0.0.1.example"])
def test_nobody_else_is_let_in_without_a_name(host: str) -> None:
    with pytest.raises(OptionError, match="IDENTITY") as caught:
        require_closed_door(load_settings({}), host)
    assert caught.value.code == "option_bad_environment"
    require_closed_door(load_settings({"IDENTITY": "firebase", "FIREBASE_PROJECT": "song-1"}), host)


def test_a_laptop_is_generous() -> None:
    local, dev = load_settings({}), load_settings({"APP_ENV": "dev"})
    assert (local.max_jobs, local.max_requests_per_minute) == (16, 0)
    assert (dev.max_jobs, dev.max_requests_per_minute) == (4, 1200)
    assert load_settings({"MAX_JOBS": "2"}).max_jobs == 2


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("SERVICE_URL", "https://Sing.example/", "https://sing.example"),
        ("SERVICE_URL", "http://[::1]:8080", "http://[::1]:8080"),
        ("ALLOWED_ORIGINS", "https://a.example, http://b.example:81", ("https://a.example", "http://b.example:81")),
        ("MAX_UPLOAD_BYTES", "4M", 4 * 2**20),
        ("LINK_SECONDS", "60", 60),
        ("FIRESTORE_DATABASE", "songs-1", "songs-1"),
        ("FIREBASE_PROJECT", "example.com:song-1", "example.com:song-1"),
        ("PORT", "8080", 8080),
    ],
)
def test_values_are_read(name: str, text: str, value: object) -> None:
    (field,) = [field for field, variable in VARIABLES.items() if variable.name == name]
    assert getattr(load_settings({name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SERVICE_URL", "sing.example"), ("SERVICE_URL", "https://sing.example/path"), ("SERVICE_URL", "ftp://a"),
        ("SERVICE_URL", "https://me:secret@a.example"), ("SERVICE_URL", "https://a:99999"), ("SERVICE_URL", "https://"),
        ("ALLOWED_ORIGINS", "*"), ("ALLOWED_ORIGINS", "https://a.example,null"), ("ALLOWED_ORIGINS", "https://*.a"),
        ("LINK_SIGNING_KEY", "too short"), ("LINK_SIGNING_KEY_OLD", "\u00e9" * 40), ("LINK_SECONDS", "59"),
        ("LINK_SECONDS", "604801"), ("MAX_UPLOAD_BYTES", "17M"), ("MAX_UPLOAD_BYTES", "1"), ("MAX_JOBS", "0"),
        ("MAX_SESSIONS", "-1"), ("MAX_REQUESTS_PER_MINUTE", "many"), ("SESSION_DAYS", "0"), ("JOB_DAYS", "366"),
        ("WORKERS", "0"), ("PORT", "0"), ("PORT", "65536"), ("TASKS_DEADLINE_SECONDS", "1801"),
        ("TASKS_QUEUE", "songs"), ("TASKS_QUEUE", "projects/p/locations/l/queues/q/tasks/t"),
        ("TASKS_SERVICE_ACCOUNT", "somebody"), ("FIREBASE_PROJECT", "a/../b"), ("FIRESTORE_DATABASE", "A"),
        ("IDENTITY", "basic"), ("DISPATCH", "rabbits"), ("IDENTITY_CERTS_URL", "file:///etc/passwd"),
        ("MAX_JOBS", "\u0663"), ("PORT", "9" * 5000),
    ],
)  # fmt: skip
def test_values_that_are_not_allowed_name_their_variable(name: str, text: str) -> None:
    with pytest.raises(OptionError, match=name) as caught:
        load_settings({name: text})
    assert caught.value.code == "option_bad_environment"


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES.values() if variable.secret])
def test_no_secret_is_shown(name: str) -> None:
    secret = "correct horse battery staple and a half"
    settings = load_settings({name: secret})
    assert "horse" not in repr(settings)
    assert "horse" not in str(setting_origins(settings, {name: secret}))
    with pytest.raises(OptionError) as caught:
        load_settings({name: "horse"})
    assert "horse" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "/home/clara/.local/share/cantilena"),
        ("linux", {"XDG_DATA_HOME": "/keep"}, "/keep/cantilena"),
        ("darwin", {}, "/home/clara/Library/Application Support/cantilena"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/cantilena-data"),
    ],
)
def test_songs_lie_where_the_platform_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/clara"))
    assert data_folder(environment, platform) == Path(folder)


def _rows() -> dict[str, list[str]]:
    """The rows of the page's tables: variable, default, what is allowed, what it is for."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in rows if len(row) == 4}


def test_the_page_of_settings_is_complete_and_invents_none() -> None:
    assert set(_rows()) == {variable.name for variable in VARIABLES.values()}


@pytest.mark.parametrize("variable", VARIABLES.values(), ids=lambda variable: variable.name)
def test_the_page_of_settings_says_what_the_program_says(variable: Any) -> None:
    _, allowed, description = _rows()[variable.name]
    assert (allowed, description) == (variable.allowed, variable.description)


@pytest.mark.parametrize("name", [name for name, variable in VARIABLES.items() if not variable.name.endswith("_DIR")])
def test_the_page_of_settings_has_the_defaults(name: str) -> None:
    default, *_ = _rows()[VARIABLES[name].name]
    value = getattr(Settings(), name)
    shown = default.strip("`").replace("K", "*2**10").replace("M", "*2**20").replace("G", "*2**30")
    if default == "":
        assert value in ("", None, ())
    elif isinstance(value, bool):
        assert int(default.strip("`")) == value
    elif isinstance(value, int):
        assert eval(shown, {}) == value
    else:
        assert default.strip("`") == value
