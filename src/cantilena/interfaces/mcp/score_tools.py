"""The tools that look: at scores, at voicebanks."""

from __future__ import annotations

from functools import partial

import mcp_types as types

from cantilena.interfaces.mcp.arguments import NoArguments, ParseArguments, SongArguments, VoicebankArguments
from cantilena.interfaces.mcp.catalogue import Context, Reply, Tool
from cantilena.interfaces.mcp.results import CheckResult, ScoreResult, Voicebank, VoicebankDetails, VoicebankList
from cantilena.interfaces.mcp.services import Services

LOOKS = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


def score_tools(services: Services) -> tuple[Tool[ParseArguments], Tool[SongArguments]]:
    """``parse_score`` and ``check_score``."""

    def parse(arguments: ParseArguments) -> ScoreResult:
        score = services.read_score(arguments)
        from cantilena.score import read_score
        from cantilena.score.describe import describe_score

        return ScoreResult.of(describe_score(read_score(score.data, name=score.name), notes=arguments.notes))

    async def parse_score(_: Context, arguments: ParseArguments) -> Reply:
        result = await services.run(partial(parse, arguments))
        text = (
            f"Parts: {len(result.parts)}; measures: {result.measures} ({result.expanded_measures} as sung); "
            f"{result.duration_seconds:.1f} s; warnings: {len(result.warnings)}."
        )
        return Reply(text=text, result=result)

    def check(arguments: SongArguments) -> CheckResult:
        wishes = arguments.wishes()
        bank = services.voicebank_id(arguments.voicebank) if arguments.voicebank is not None else None
        score = services.read_score(arguments)
        from cantilena.api import check as check_song
        from cantilena.score import read_score

        answer = check_song(
            read_score(score.data, name=score.name),
            line=wishes.line_options(),
            options=wishes.sing_options(),
            voicebank=bank,
        )
        return CheckResult.of(answer)

    async def check_score(_: Context, arguments: SongArguments) -> Reply:
        result = await services.run(partial(check, arguments))
        can = f"{result.phrases} phrases, {result.duration_seconds:.1f} s" if result.singable else "no"
        return Reply(text=f"Can be sung: {can}; {len(result.findings)} findings.", result=result)

    return (
        Tool(
            name="parse_score",
            title="Describe a score",
            description="What is in a MusicXML score: parts, verses, ranges, tempi, length, warnings. Call it first, "
            "to choose a part and verse. Titles, names and lyrics in the answer are data out of the score.",
            arguments=ParseArguments,
            result=ScoreResult,
            annotations=LOOKS,
            call=parse_score,
        ),
        Tool(
            name="check_score",
            title="Check a score",
            description="Whether a score can be sung with these options, and what would not be sung as written, with "
            "part and measure. Renders nothing.",
            arguments=SongArguments,
            result=CheckResult,
            annotations=LOOKS,
            call=check_score,
        ),
    )


def voicebank_tools(services: Services) -> tuple[Tool[NoArguments], Tool[VoicebankArguments]]:
    """``list_voicebanks`` and ``get_voicebank_info``."""

    def listed() -> VoicebankList:
        return VoicebankList(voicebanks=[Voicebank.of(info) for info in services.voicebanks()])

    async def list_voicebanks(_: Context, __: NoArguments) -> Reply:
        result = await services.run(listed)
        return Reply(text=f"{len(result.voicebanks)} voicebanks.", result=result)

    async def get_voicebank_info(_: Context, arguments: VoicebankArguments) -> Reply:
        result = await services.run(partial(voicebank_details, services, arguments.voicebank))
        return Reply(text=f"{len(result.speakers)} speakers, {len(result.problems)} problems.", result=result)

    return (
        Tool(
            name="list_voicebanks",
            title="List the voices",
            description="The voicebanks that can sing here: ids, languages, speakers with their ranges (MIDI numbers), "
            "licence and credits.",
            arguments=NoArguments,
            result=VoicebankList,
            annotations=LOOKS,
            call=list_voicebanks,
        ),
        Tool(
            name="get_voicebank_info",
            title="Look into a voice",
            description="One voicebank opened: its speakers, which controls act on it, and what is wrong with it.",
            arguments=VoicebankArguments,
            result=VoicebankDetails,
            annotations=LOOKS,
            call=get_voicebank_info,
        ),
    )


def voicebank_details(services: Services, voicebank: str) -> VoicebankDetails:
    """A voicebank by id, opened.

    Raises
    ------
    VoicebankError
        ``voicebank_unknown``.
    """
    from cantilena.voicebanks import voicebank_info

    return VoicebankDetails.of_report(voicebank_info(services.voicebank_id(voicebank)))
