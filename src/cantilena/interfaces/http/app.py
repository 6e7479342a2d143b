"""The application: routes, what surrounds them, and what lives as long as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match

from cantilena.errors import CantilenaError
from cantilena.interfaces.http.callers import Desk
from cantilena.interfaces.http.composition import (
    Service,
    find_voicebanks,
    make_service,
    open_identity,
    open_links,
    open_stores,
    open_task_identity,
    open_tasks,
)
from cantilena.interfaces.http.internal_routes import internal_routes
from cantilena.interfaces.http.job_routes import job_routes
from cantilena.interfaces.http.metrics import Metrics
from cantilena.interfaces.http.middleware import Envelope, FrontDoor
from cantilena.interfaces.http.models import ProblemDocument, SongRequest
from cantilena.interfaces.http.output_routes import output_routes
from cantilena.interfaces.http.page import page_router
from cantilena.interfaces.http.problems import answer_http, answer_invalid, answer_known, answer_unforeseen
from cantilena.interfaces.http.readiness import Readiness
from cantilena.interfaces.http.session_routes import session_routes
from cantilena.interfaces.http.singing import Singing
from cantilena.interfaces.http.system_routes import system_routes
from cantilena.interfaces.http.voicebank_routes import voicebank_routes
from cantilena.service.telling_jobs import TellingJobs
from cantilena.service.voicebank_list import VoicebankList
from cantilena.settings import Settings
from cantilena.version import package_version

_TOLD: Final = (
    "ETag",
    "Location",
    "Retry-After",
    "X-Request-Id",
    "Content-Range",
    "Accept-Ranges",
    "Preference-Applied",
)
_HSTS: Final = {"Strict-Transport-Security": "max-age=31536000"}


def open_app(settings: Settings) -> tuple[FastAPI, Service, Singing]:
    """The application that the settings describe, what it works with, and what sings in it.

    Raises
    ------
    CantilenaError
        Something is missing, or cannot be opened.
    """
    stores = open_stores(settings)
    jobs = TellingJobs(stores.jobs)
    singing = Singing(settings, jobs, stores.patient_objects)
    service = make_service(
        settings,
        stores=stores,
        jobs=jobs,
        identity=open_identity(settings),
        task_identity=open_task_identity(settings),
        links=open_links(settings),
        dispatcher=singing.queue if settings.dispatch == "queue" else open_tasks(settings),
        voicebanks=VoicebankList(find_voicebanks),
    )
    return make_app(service, singing), service, singing


def make_app(service: Service, singing: Singing | None = None) -> FastAPI:
    """The application over a service; without singing, jobs wait for another process."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        service.watch.start()
        try:
            if singing is None:
                yield
            else:
                async with singing.begun(service):
                    yield
        finally:
            service.watch.close()

    app = FastAPI(
        title="Cantilena",
        summary="Sings scores: MusicXML with lyrics in, sung audio out.",
        version=package_version(),
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            CantilenaError: answer_known,
            HTTPException: _answer_http,
            RequestValidationError: answer_invalid,
            Exception: answer_unforeseen,
        },
    )
    app.state.shows_places = service.settings.identity == "none"
    desk, metrics = Desk(service), Metrics(service)
    readiness = Readiness(desk, is_singing=lambda: singing is None or singing.is_ready)
    for router in (
        job_routes(desk), output_routes(desk), session_routes(desk), voicebank_routes(desk),
        system_routes(readiness, metrics),
    ):  # fmt: skip
        app.router.routes += router.routes  # included, they would be looked for twice, which every poll would pay for
    settings = service.settings
    if singing is not None and service.task_identity is not None:
        app.include_router(internal_routes(desk, service.task_identity, singing.run))
    if settings.identity == "none":
        app.include_router(page_router())
        app.add_middleware(FrontDoor, origins=settings.allowed_origins)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
            expose_headers=list(_TOLD),
            max_age=3600,
        )
    app.add_middleware(Envelope, on_request=metrics.request, headers=_HSTS if settings.app_env == "prod" else None)
    _describe(app, is_anybody=settings.identity == "none")
    return app


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    """What the router has to say; of a wrong method, which ones there are."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        matching = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
        error.headers = {"Allow": ", ".join(sorted(methods))}
    return await answer_http(request, error)


def _describe(app: FastAPI, *, is_anybody: bool) -> None:
    """Let OpenAPI describe what the routes read and answer by themselves, and who is let in."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = describe()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for model in (ProblemDocument, SongRequest):
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update(schema.pop("$defs", {}))
                schemas[model.__name__] = schema
            document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            document["security"] = [] if is_anybody else [{"bearer": []}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
