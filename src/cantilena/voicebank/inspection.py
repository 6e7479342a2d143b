"""What a voicebank can do and what is wrong with it, file by file, found out by opening everything it has.

Conventions
-----------
Nothing stops at the first problem: each file is tried by itself, and what cannot be read is told and passed over. What
a model is fed decides what a stage can do; its configuration does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from cantilena.errors import CantilenaError, VoicebankError
from cantilena.voicebank.bundle import CURVES, Stage, Vocoder, Voicebank, open_as
from cantilena.voicebank.config import StageConfig, read_character
from cantilena.voicebank.dictionary import Dictionary, dictionary_files, read_dictionary
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.files import find_file
from cantilena.voicebank.layout import Layout, find_layout
from cantilena.voicebank.library import VoicebankInfo, describe_voicebank, unreadable_voicebank
from cantilena.voicebank.opening import StageOpener
from cantilena.voicebank.origin import Origin
from cantilena.voicebank.report import (
    Problem,
    StageAbilities,
    VocoderAbilities,
    VoicebankReport,
    as_problem,
    path_within,
)
from cantilena.voicebank.sessions import Model
from cantilena.voicebank.speakers import match_speaker, speaker_names
from cantilena.voicebank.symbols import BREATH, SymbolTable
from cantilena.voicebank.vocoders import check_vocoder, find_vocoder

_Result = TypeVar("_Result")

_SUB_STAGES = (("dsdur", "dur"), ("dspitch", "pitch"), ("dsvariance", "variance"))
_SHOWN = 8
_TIMED_BY_RULE = "voicebank_without_durations"


def inspect_voicebank(
    folder: Path, engine: EngineOptions, *, origin: Origin | None = None
) -> tuple[VoicebankReport, Voicebank | None]:
    """Open everything a voicebank has.

    Parameters
    ----------
    folder : Path
        As :func:`~cantilena.voicebank.library.find_voicebank` gives it.
    engine : EngineOptions
        How its models are run.
    origin : Origin, optional
        Where it came from; None: it is what its folder says.

    Returns
    -------
    VoicebankReport
        Without ``controls``, which depend on how it is sung.
    Voicebank or None
        None: a part that it needs is missing or damaged.

    Raises
    ------
    VoicebankError
        There is no voicebank, or there are several, in the folder.
    """
    return _Inspector(find_layout(folder.resolve()), engine, origin).inspect()


class _Inspector:
    """One voicebank under inspection; each method tries one thing and writes down what is wrong with it."""

    def __init__(self, layout: Layout, engine: EngineOptions, origin: Origin | None) -> None:
        self._origin = origin
        self._layout = layout
        self._folder = layout.folder
        self._engine = engine
        self._problems: list[Problem] = []

    def _tell(self) -> VoicebankInfo:
        info = describe_voicebank(self._folder)
        origin = self._origin
        return replace(info, id=origin.id, version=origin.version) if origin is not None else info

    def _vocoders(self) -> Mapping[str, Path]:
        return self._origin.vocoders if self._origin is not None else {}

    def inspect(self) -> tuple[VoicebankReport, Voicebank | None]:
        info = self._attempt(self._layout.config, self._tell)
        opener = StageOpener(self._layout, info.colours if info else {}, self._engine)
        config = self._attempt(self._layout.config, self._layout.read_config)
        acoustic = self._open_stage(opener, config, ("acoustic",)) if config else None
        subs = {name: self._sub_stage(opener, name, role) for name, role in _SUB_STAGES}
        vocoder = self._vocoder(opener, config) if config else None
        if config:
            self._check_colours(config)
        stages = {"durations": subs["dsdur"], "pitch": subs["dspitch"], "variance": subs["dsvariance"]}
        there = {name: stage for name, stage in {**stages, "acoustic": acoustic}.items() if stage is not None}
        self._compare(tuple(there.values()), info.speakers if info else ())
        voicebank = None
        durations = stages["durations"] or (acoustic if self._timed_by_rule() else None)
        if info and acoustic and vocoder and durations:
            voicebank = Voicebank(
                info=info, acoustic=acoustic, durations=durations, pitch=stages["pitch"],
                variance=stages["variance"], vocoder=vocoder, engine=self._engine,
            )  # fmt: skip
        report = VoicebankReport(
            info=info or unreadable_voicebank(self._folder, self._problems[0].message),
            stages=tuple(self._describe(name, stage) for name, stage in there.items()),
            vocoder=self._describe_vocoder(vocoder) if vocoder else None,
            breath=bool(there) and all(_knows_breath(stage) for stage in there.values()),
            problems=tuple(sorted(self._problems, key=lambda problem: problem.severity)),
        )
        return report, voicebank if _is_whole(voicebank) else None

    def _attempt(self, file: Path, action: Callable[[], _Result]) -> _Result | None:
        try:
            return action()
        except CantilenaError as error:
            self._add(as_problem(error, file, self._folder))
            return None

    def _add(self, problem: Problem) -> None:
        if problem not in self._problems:
            self._problems.append(problem)

    def _warn(self, code: str, file: Path, reason: str, hint: str) -> None:
        message = f"The voicebank file {file} {reason}."
        self._add(
            Problem(code=code, severity="warning", file=path_within(self._folder, file), message=message, hint=hint)
        )

    def _sub_stage(self, opener: StageOpener, name: str, role: str) -> Stage | None:
        folder = self._layout.config.parent / name
        problems = len(self._problems)
        config = self._attempt(folder, lambda: opener.sub_config(name))
        if config is not None:
            return self._open_stage(opener, config, ("linguistic", role))
        if role == "dur" and len(self._problems) == problems:
            self._warn(
                _TIMED_BY_RULE, folder, "is missing, so phonemes last as long as a rule says",
                "Ask the voicebank's author for its duration model; with it, consonants sound more natural.",
            )  # fmt: skip
        return None

    def _timed_by_rule(self) -> bool:
        return any(problem.code == _TIMED_BY_RULE for problem in self._problems)

    def _open_stage(self, opener: StageOpener, config: StageConfig, roles: Sequence[str]) -> Stage:
        """A stage with those of its models that can be opened."""
        models: dict[str, Model] = {}
        for role in roles:
            model = self._attempt(config.file, lambda role=role: opener.model(config, role))  # type: ignore[misc]
            if model is not None and self._opens(role, model):
                models[role] = model
        stage = opener.stage(config, models)
        table = self._attempt(config.file, lambda: stage.symbols)
        if table is not None:
            self._check_languages(stage, table)
            self._check_dictionaries(stage, table, words="dur" in roles)
        for model in models.values():
            self._check_embeddings(stage, model)
        return stage

    def _opens(self, role: str, model: Model) -> bool:
        count = len(self._problems)
        self._attempt(model.file, lambda: open_as(role, model))
        return len(self._problems) == count

    def _check_embeddings(self, stage: Stage, model: Model) -> None:
        """Every embedding that a model may be given has the length it asks for."""
        wanted = model.inputs.get("spk_embed")
        if wanted is None:
            return
        size = wanted.shape[-1] if wanted.shape else None
        for entry in stage.config.speakers:
            self._attempt(
                stage.config.folder / f"{entry}.emb",
                lambda entry=entry: stage.entry_embedding(entry, size=size),  # type: ignore[misc]
            )
        if not stage.config.speakers:
            self._attempt(stage.config.file, lambda: stage.embedding(None, size=size))

    def _check_languages(self, stage: Stage, table: SymbolTable) -> None:
        if not any("languages" in model.inputs for model in stage.models.values()):
            return
        prefixes = {symbol.rpartition("/")[0] for symbol in table.sung} - {""}
        if strangers := sorted(prefixes - table.languages.keys()):
            self._warn(
                "language_without_id", stage.config.file,
                f"gives no id to the languages {_some(strangers)}, whose phonemes {table.file.name} lists",
                "They are sung as belonging to no language; ask the author for a complete languages.json.",
            )  # fmt: skip

    def _check_dictionaries(self, stage: Stage, table: SymbolTable, *, words: bool) -> None:
        """The words are those of the duration stage; other stages are only asked what is a vowel."""
        folder = stage.config.folder
        general = read_dictionary(self._folder, folder, None)
        if not words:
            self._attempt(general.file or folder, lambda: general.kinds)
            return
        files = (find_file(self._folder, folder, name) for name in dictionary_files(folder))
        for dictionary in (general, *(Dictionary(file) for file in files if file is not None)):
            found = self._attempt(dictionary.file or folder, lambda d=dictionary: d.problems(table))  # type: ignore[misc]
            for reason in found or ():
                self._warn(
                    "dictionary_problem", dictionary.file or folder, reason, "Ask the author, or correct the file."
                )  # fmt: skip

    def _check_colours(self, config: StageConfig) -> None:
        character = self._attempt(self._folder, lambda: read_character(*self._layout.homes, root=self._folder))
        colours: Mapping[str, str] = character.colours if character else {}
        nobody = [colour for colour, entry in colours.items() if match_speaker(entry, config.speakers) is None]
        if nobody and config.speakers:
            self._warn(
                "colour_without_speaker", self._layout.find("character.yaml") or self._folder,
                f"gives the voice colours {_some(nobody)} to speakers that {config.file.name} does not name",
                f"Choose a speaker instead: {', '.join(speaker_names(config.speakers))}.",
            )  # fmt: skip

    def _vocoder(self, opener: StageOpener, config: StageConfig) -> Vocoder | None:
        place = self._attempt(config.file, lambda: find_vocoder(self._layout, config, fetched=self._vocoders()))
        if place is None:
            return None
        self._attempt(place.config.file, lambda: check_vocoder(config, place.config))
        vocoder = self._attempt(place.config.file, lambda: opener.vocoder(place))
        return vocoder if vocoder is not None and self._opens("vocoder", vocoder.model) else None

    def _compare(self, stages: Sequence[Stage], speakers: Sequence[str]) -> None:
        """What one stage has and another lacks."""
        everything = dict.fromkeys(symbol for stage in stages if (table := _table(stage)) for symbol in table.sung)
        for stage in stages:
            table = _table(stage)
            lacking = [symbol for symbol in everything if table is not None and table.find(symbol) is None]
            if table is not None and lacking:
                self._warn(
                    "phonemes_missing", table.file, f"lacks phonemes that another stage has: {_some(lacking)}",
                    "The nearest ones are sung in their place.",
                )  # fmt: skip
            strangers = [speaker for speaker in speakers if _asks_for_speaker(stage) and not stage.has_speaker(speaker)]
            if strangers and stage.config.speakers:
                self._warn(
                    "speaker_not_in_stage", stage.config.file, f"does not name the speakers {_some(strangers)}",
                    f"{speaker_names(stage.config.speakers)[0]} is used for them in this stage.",
                )  # fmt: skip

    def _describe(self, name: str, stage: Stage) -> StageAbilities:
        inputs = {given: spec for model in stage.models.values() for given, spec in model.inputs.items()}
        outputs = {given for model in stage.models.values() for given in model.outputs}
        table = _table(stage)
        depth = inputs.get("depth")
        sampling: Literal["steps", "speedup"] | None = "speedup" if "speedup" in inputs else None
        encoder: Literal["words", "phonemes"] | None = "words" if "word_div" in inputs else None
        return StageAbilities(
            name=name,
            folder=path_within(self._folder, stage.config.folder),
            speakers=speaker_names(stage.config.speakers) if "spk_embed" in inputs else (),
            languages=tuple(table.languages) if table is not None and "languages" in inputs else (),
            phonemes=len(table.sung) if table is not None else 0,
            sample_rate=stage.config.mel.sample_rate,
            hop_size=stage.config.mel.hop_size,
            encoder=encoder or ("phonemes" if "linguistic" in stage.models else None),
            sampling="steps" if "steps" in inputs else sampling,
            depth=None if depth is None else "share" if np.dtype(depth.dtype).kind == "f" else "steps",
            curves=tuple(c for c in CURVES if (c in inputs if name == "acoustic" else f"{c}_pred" in outputs)),
            bytes=sum(model.file.stat().st_size for model in stage.models.values()),
        )

    def _describe_vocoder(self, vocoder: Vocoder) -> VocoderAbilities:
        config = vocoder.config
        return VocoderAbilities(
            name=config.name,
            folder=path_within(self._folder, config.folder),
            shared=bool(vocoder.fingerprint),
            pitch_controllable=config.pitch_controllable,
            mel=config.mel,
            bytes=vocoder.model.file.stat().st_size,
        )


def _is_whole(voicebank: Voicebank | None) -> bool:
    return voicebank is not None and all(
        len(stage.models) == (1 if stage is voicebank.acoustic else 2) and _table(stage) is not None
        for stage in voicebank.stages
    )


def _table(stage: Stage) -> SymbolTable | None:
    try:
        return stage.symbols
    except VoicebankError:
        return None


def _knows_breath(stage: Stage) -> bool:
    table = _table(stage)
    return table is not None and table.find(BREATH) is not None


def _asks_for_speaker(stage: Stage) -> bool:
    return any("spk_embed" in model.inputs for model in stage.models.values())


def _some(names: Sequence[str]) -> str:
    """The first few of many names."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
