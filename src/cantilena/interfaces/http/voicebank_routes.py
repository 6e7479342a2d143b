"""The routes of voicebanks: who can sing here, with licence and credits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from cantilena.errors import VoicebankError
from cantilena.interfaces.http.answers import documented, problems
from cantilena.interfaces.http.callers import Desk
from cantilena.interfaces.http.models import VoicebankDocument, VoicebankList

if TYPE_CHECKING:
    from cantilena.voicebank import VoicebankInfo


def voicebank_routes(desk: Desk) -> APIRouter:
    """Routes of the voicebanks at hand."""
    router = APIRouter(tags=["voicebanks"])
    voicebanks = desk.service.voicebanks

    @router.get(
        "/voicebanks",
        response_model=None,
        responses={**documented(200, VoicebankList, "All of them."), **problems()},
    )
    async def list_voicebanks(request: Request) -> Response:
        """The voicebanks that can sing here."""
        await desk.caller(request)
        return JSONResponse({"voicebanks": [_document(info) for info in await desk.ask(voicebanks)]})

    @router.get(
        "/voicebanks/{voicebank_id}",
        response_model=None,
        responses={**documented(200, VoicebankDocument, "The voicebank."), **problems(404)},
    )
    async def get_voicebank(voicebank_id: str, request: Request) -> Response:
        """One voicebank."""
        await desk.caller(request)
        for info in await desk.ask(voicebanks):
            if info.id == voicebank_id:
                return JSONResponse(_document(info))
        raise VoicebankError(
            "voicebank_unknown",
            f"There is no voicebank {voicebank_id[:80]!r}.",
            hint="See /voicebanks for those there are.",
        )

    return router


def _document(info: VoicebankInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "name": info.name,
        "version": info.version,
        "languages": list(info.languages),
        "speakers": list(info.speakers),
        "colours": dict(info.colours),
        "ranges": {speaker: {"low": low, "high": high} for speaker, (low, high) in info.ranges.items()},
        "licence": info.licence,
        "credits": info.credits,
        "problem": info.problem,
    }
