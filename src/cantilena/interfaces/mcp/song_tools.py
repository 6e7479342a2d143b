"""The tools that sing: songs as jobs, waited for as long as the client likes."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import mcp_types as types
from anyio import to_thread

from cantilena.errors import OptionError
from cantilena.interfaces.mcp.arguments import (
    JobArguments,
    ListJobsArguments,
    SaveArguments,
    SynthesizeArguments,
    WaitArguments,
)
from cantilena.interfaces.mcp.catalogue import Context, Reply, Tool
from cantilena.interfaces.mcp.errors import JobFailed, Problem, as_arguments, one_line
from cantilena.interfaces.mcp.meta import call_meta
from cantilena.interfaces.mcp.results import JobBrief, JobList, JobResult, SavedAudio, output_uri
from cantilena.interfaces.mcp.score_tools import LOOKS
from cantilena.interfaces.mcp.services import Services
from cantilena.service.media_types import MEDIA_TYPES

if TYPE_CHECKING:
    from cantilena.ports.jobs import Job, JobOutput

MAX_EMBEDDED_BYTES: Final = 1_000_000
_LONGEST_SONG: Final = 24 * 3600.0  # who has the song handed over sets a deadline


def song_tools(services: Services) -> tuple[Tool[Any], ...]:
    """``synthesize``, ``get_job``, ``list_jobs``, ``cancel_job`` and ``save_audio``."""
    jobs = services.jobs

    def submit(arguments: SynthesizeArguments, session_id: str, job_id: str | None) -> Job:
        wishes = arguments.wishes()
        if arguments.voicebank is not None:
            services.voicebank_id(arguments.voicebank)
        score = services.read_score(arguments)
        from cantilena.service.song_jobs import SongJobRequest

        return jobs.submit(
            SongJobRequest(score=score.data, score_name=score.name, wishes=wishes, session_id=session_id, job_id=job_id)
        )

    async def synthesize(context: Context, arguments: SynthesizeArguments) -> Reply:
        meta = call_meta(context)
        with anyio.CancelScope(shield=True):  # quick; a job that nobody knows of could not be stopped
            job = await services.run(partial(submit, arguments, meta.session_id, meta.job_id))
        seconds = arguments.wait_seconds if meta.hand_over is None else _LONGEST_SONG
        try:
            job = await services.wait(job.job_id, seconds=seconds, report=_progress_of(context))
            if meta.hand_over is not None:
                await services.run(partial(hand_over, job, meta.hand_over))
        except BaseException:
            # canceled, as a rule; nobody has been told of this job: it belongs to the call, and ends with it
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(jobs.cancel if meta.hand_over is None else jobs.forget, job.job_id)
            raise
        if job.status == "failed" and job.error is not None:
            raise JobFailed(_problem_of(job))
        return await services.run(partial(reply, job, embed=arguments.embed_audio))

    def hand_over(job: Job, folder: str) -> None:
        for output in job.outputs:
            if output.kind != "score":  # whoever asked has it
                place = services.files.place_to_write(f"{folder}/{output.name}")
                shutil.move(jobs.output(job.job_id, output.name), place)
        jobs.forget(job.job_id)

    def reply(job: Job, *, embed: bool = False) -> Reply:
        content: list[types.ContentBlock] = []
        text = _describe(job)
        for output in job.outputs:
            if output.kind == "score":
                continue  # whoever asked has it
            content.append(_link(job, output))
            if not embed or output.kind != "audio":
                continue
            if output.bytes <= MAX_EMBEDDED_BYTES:
                content.append(_embedded(jobs.output(job.job_id, output.name), output))
            else:
                text += f" Too large to embed ({output.bytes} bytes): read the link, or call save_audio."
        return Reply(text=text, result=JobResult.of(job), content=tuple(content))

    async def get_job(context: Context, arguments: WaitArguments) -> Reply:
        job = await services.run(partial(jobs.get, arguments.job_id))
        if arguments.wait_seconds and not job.is_finished:
            job = await services.wait(job.job_id, seconds=arguments.wait_seconds, report=_progress_of(context))
        return await services.run(partial(reply, job))

    async def list_jobs(context: Context, arguments: ListJobsArguments) -> Reply:
        found = await services.run(partial(jobs.list, call_meta(context).session_id, limit=arguments.limit))
        unfinished = sum(not job.is_finished for job in found)
        return Reply(
            text=f"{len(found)} jobs, {unfinished} of them not finished.",
            result=JobList(jobs=[JobBrief.of(job) for job in found]),
        )

    async def cancel_job(_: Context, arguments: JobArguments) -> Reply:
        job = await services.run(partial(jobs.cancel, arguments.job_id))
        return Reply(text=_describe(job), result=JobResult.of(job))

    def save(arguments: SaveArguments) -> SavedAudio:
        job = jobs.get(arguments.job_id)
        audio = next((output for output in job.outputs if output.kind == "audio"), None)
        if audio is None:
            raise OptionError(
                "job_without_audio",
                f"The job {arguments.job_id!r} is {job.status} and has no audio.",
                hint="Wait for it with get_job.",
            )
        from cantilena.audio.copies import copy_audio
        from cantilena.audio.files import resolve_format

        format = resolve_format(Path(arguments.path), arguments.format)
        place = services.files.place_to_write(arguments.path)
        written = copy_audio(jobs.output(job.job_id, audio.name), place, format=format, force=arguments.overwrite)
        return SavedAudio(path=str(written.path), format=written.format, bytes=written.bytes)

    async def save_audio(_: Context, arguments: SaveArguments) -> Reply:
        with anyio.CancelScope(shield=True):  # whole or not at all: once begun it is quick
            result = await services.run(partial(save, arguments))
        return Reply(text=f"Written: {result.bytes} bytes, {result.format}.", result=result)

    return (
        Tool(
            name="synthesize",
            title="Sing a score",
            description="Sings one part of a MusicXML score with lyrics and gives a link to the audio. Takes about a "
            "tenth of the song's length or more; when it is not done within wait_seconds the answer is a job_id to "
            "wait for with get_job. Then save_audio writes a file for the user. Warnings are no failure.",
            arguments=SynthesizeArguments,
            result=JobResult,
            annotations=_changes(idempotent=False, destructive=False),
            call=synthesize,
        ),
        Tool(
            name="get_job",
            title="Look at a song in the making",
            description="Status, step and progress of a job, and once it succeeded its outputs, warnings and timings.",
            arguments=WaitArguments,
            result=JobResult,
            annotations=LOOKS,
            call=get_job,
        ),
        Tool(
            name="list_jobs",
            title="List the songs",
            description="The latest jobs, newest first: status, step and progress of each.",
            arguments=ListJobsArguments,
            result=JobList,
            annotations=LOOKS,
            call=list_jobs,
        ),
        Tool(
            name="cancel_job",
            title="Stop a song",
            description="Stops a job; one that is finished stays as it is.",
            arguments=JobArguments,
            result=JobResult,
            annotations=_changes(idempotent=True, destructive=True),
            call=cancel_job,
        ),
        Tool(
            name="save_audio",
            title="Save a song to a file",
            description="Writes the audio of a job that succeeded to a file, whole or not at all, in any of the four "
            "formats; gives the file's full path.",
            arguments=SaveArguments,
            result=SavedAudio,
            annotations=_changes(idempotent=True, destructive=True),
            call=save_audio,
        ),
    )


def _changes(*, idempotent: bool, destructive: bool) -> types.ToolAnnotations:
    return types.ToolAnnotations(
        read_only_hint=False, destructive_hint=destructive, idempotent_hint=idempotent, open_world_hint=False
    )


def _progress_of(context: Context) -> Callable[[float, str], Awaitable[None]]:
    async def report(progress: float, message: str) -> None:
        await context.session.report_progress(progress, 1.0, message)

    return report


def _describe(job: Job) -> str:
    match job.status:
        case "succeeded":
            return f"Sung: {job.audio_seconds or 0.0:.1f} s of audio, {len(job.warnings)} warnings."
        case "queued" | "running":
            return f"The job {job.job_id} is {job.status}, {job.progress:.0%} done; wait for it with get_job."
        case _:
            return f"The job {job.job_id} is {job.status}."


def _problem_of(job: Job) -> Problem:
    error = job.error
    assert error is not None
    return Problem(
        code=error.code, message=one_line(error.message), hint=one_line(as_arguments(error.hint)), part=error.part,
        measure=error.measure, retryable=error.retryable, job_id=job.job_id,
    )  # fmt: skip


def _link(job: Job, output: JobOutput) -> types.ResourceLink:
    return types.ResourceLink(
        type="resource_link",
        uri=output_uri(job.job_id, output.name),
        name=output.name,
        mime_type=MEDIA_TYPES[output.format],
        size=output.bytes,
        annotations=types.Annotations(audience=["user"]) if output.kind == "audio" else None,
    )


def _embedded(file: Path, output: JobOutput) -> types.AudioContent:
    return types.AudioContent(
        type="audio", data=base64.b64encode(file.read_bytes()).decode("ascii"), mime_type=MEDIA_TYPES[output.format]
    )
