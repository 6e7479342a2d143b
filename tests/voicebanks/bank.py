"""What a generated voicebank is like: one field for each thing in which voicebanks differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from tests.voicebanks.graph import Sampling
from tests.voicebanks.sound import CONSONANTS, GLIDES, LEVELS, VOWELS

HIDDEN: Mapping[str, int] = MappingProxyType({"acoustic": 8, "dsdur": 6, "dspitch": 5, "dsvariance": 4})
"""Length of the embeddings of each stage; the keys are all the stages there are."""

Encoder = Literal["word", "phoneme", "bare"]
Layout = Literal["flat", "dsmain", "dsacoustic", "configs", "configs apart", "configs copied"]


def _none() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class TinyBank:
    """What a generated voicebank is like.

    Attributes
    ----------
    name : str
        Of its folder.
    inside : str
        Folders between it and the voicebank, as archives have them; empty: none.
    phonemes, breath, prefix, bare, foreign
        Symbols: ``prefix`` stands before every phoneme but those in ``bare``; ``foreign`` are taken as written.
    merged : mapping of str to tuple of str
        By stage, ``""`` for all: symbols that share the id of the first of each space-separated group.
    unknown : mapping of str to tuple of str
        By stage: symbols it has no id for.
    table : {"json", "pad", "blank"}
        Of phonemes: phonemes.json, or phonemes.txt whose first line is ``<PAD>`` or empty.
    newline, bom
        How text files are written.
    language_ids : bool
        Whether models ask for the language of each phoneme; those of the stages in ``same_language`` do not.
    languages : mapping of str to int
        Their ids.
    speakers : tuple of str
        As written in each dsconfig.yaml; empty: one, without embedding.
    same_voice : tuple of str
        Stages whose model is not told who sings.
    embeds : str
        Folder before each of them, with ``{stage}`` in it where each stage has one of its own.
    durations : {"word", "bare"} or None, pitch, variance : {"word", "phoneme", "bare"} or None
        What the encoder of each stage takes beside tokens; None: there is no such stage.
    shared_encoder : bool
        Whether all three are one and the same file.
    predicted, curves : tuple of str
        Curves that the variance model predicts, and that the acoustic model asks for.
    levels, per_semitone
        See :func:`tests.voicebanks.graphs.variance`.
    depth : bool
        Whether the acoustic model has a ``depth`` as a share; ``sampling`` says everything else.
    sampling : mapping of str to Sampling
        By stage; where absent, ``steps`` of rank 0.
    max_depth : str
        As written; ``trained_depth`` is what the model was made for.
    shifts : bool
        Whether the acoustic model has ``gender`` and ``velocity``.
    forked : bool
        Whether the acoustic model has the inputs of forks: ``gt_mel``, ``retake``, ``noise``, ``shift_mouth_opening``.
    expr, note_rest, note_glide : bool
        Whether the pitch model has them.
    acoustic_base, vocoder_base : str
        As written; empty: not at all.
    sample_rate, hop_size : int
        Of the audio and of dsdur; ``sub_sample_rate`` (0: the same) and ``sub_hop_size`` of dspitch and dsvariance.
    hidden : mapping of str to int
        As :data:`HIDDEN`.
    vocoder_place : {"bundled", "inside", "beside"}
        In dsvocoder/, in a folder of its name inside or beside the voicebank.
    vocoder_name : str
        As dsconfig.yaml names it; a bundled one is found whatever it says.
    vocoder_noise : {"some", "none", "2024"}
        What the vocoder draws.
    pitch_controllable : bool
        Whether vocoder.yaml says that f0 may differ from the spectrogram's.
    layout : str
        Where the files of the acoustic stage lie. With ``configs`` every configuration is in that folder, with
        ``configs apart`` the acoustic one alone, with ``configs copied`` a copy of it that is of no use.
    backslashes, wrong_case : bool
        How paths are written.
    character : {"yaml", "shift-jis"}
        character.yaml, or character.txt in that encoding.
    dictionaries : bool
        Whether dspitch and dsvariance have one, not dsdur alone.
    extra : mapping of str to tuple of str
        By stage: lines at the end of its dsconfig.yaml, which win.
    """

    name: str = "Tiny_1.0"
    inside: str = ""
    phonemes: tuple[str, ...] = (*VOWELS, *GLIDES, *CONSONANTS)
    breath: bool = True
    prefix: str = ""
    bare: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    merged: Mapping[str, tuple[str, ...]] = field(default_factory=_none)
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=_none)
    table: Literal["json", "pad", "blank"] = "json"
    newline: str = "\n"
    bom: bool = False
    language_ids: bool = False
    same_language: tuple[str, ...] = ()
    languages: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({"en": 1, "ja": 2}))
    speakers: tuple[str, ...] = ("mezzo", "baritone")
    same_voice: tuple[str, ...] = ()
    embeds: str = ""
    durations: Literal["word", "bare"] | None = "word"
    pitch: Encoder | None = None
    variance: Encoder | None = None
    shared_encoder: bool = False
    predicted: tuple[str, ...] = ("breathiness", "tension")
    curves: tuple[str, ...] = ()
    levels: Mapping[str, float] = field(default_factory=lambda: LEVELS)
    per_semitone: float = 0.0
    depth: bool = False
    sampling: Mapping[str, Sampling] = field(default_factory=lambda: MappingProxyType({}))
    max_depth: str = "0.6"
    trained_depth: float = 0.6
    shifts: bool = False
    forked: bool = False
    expr: bool = True
    note_rest: bool = True
    note_glide: bool = False
    acoustic_base: str = "e"
    vocoder_base: str = "e"
    sample_rate: int = 44100
    hop_size: int = 512
    sub_sample_rate: int = 0
    sub_hop_size: int = 512
    n_mels: int = 16
    hidden: Mapping[str, int] = field(default_factory=lambda: HIDDEN)
    vocoder_place: Literal["bundled", "inside", "beside"] = "bundled"
    vocoder_name: str = "tiny_vocoder"
    vocoder_noise: Literal["some", "none", "2024"] = "some"
    pitch_controllable: bool = False
    layout: Layout = "flat"
    backslashes: bool = False
    wrong_case: bool = False
    character: Literal["yaml", "shift-jis"] = "yaml"
    ranges: str = "{mezzo: [53, 77], baritone: [41, 65]}"
    dictionaries: bool = True
    replacements: tuple[tuple[str, str], ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=_none)

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """What the encoder of each stage takes, of those there are."""
        modes = {"dsdur": self.durations, "dspitch": self.pitch, "dsvariance": self.variance}
        return {stage: mode for stage, mode in modes.items() if mode is not None}

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols, in the order of the first stage's ids."""
        named = (phoneme if phoneme in self.bare else self.prefix + phoneme for phoneme in self.phonemes)
        return (*named, *self.foreign, "SP", *(("AP",) if self.breath else ()))

    def tokens(self, stage: str) -> dict[str, int]:
        """Ids of a stage; no two stages agree."""
        symbols = [symbol for symbol in self.symbols if symbol not in self.unknown.get(stage, ())]
        turned = 0 if stage == "acoustic" else 7 if self.shared_encoder else list(HIDDEN).index(stage) * 7
        ids = {symbols[(k + turned) % len(symbols)]: k + 1 for k in range(len(symbols))}
        for group in (*self.merged.get("", ()), *self.merged.get(stage, ())):
            first, *others = group.split()
            ids |= dict.fromkeys(others, ids[first])
        return {"<PAD>": 0} | ids

    def signature(self, stage: str) -> float:
        """What the embeddings of a stage have in common, and of no other stage."""
        return 1.5 + list(HIDDEN).index(stage)

    def embedding_size(self, stage: str) -> int:
        return self.hidden["dsdur"] if self.shared_encoder and stage != "acoustic" else self.hidden[stage]

    def entries(self, stage: str) -> tuple[str, ...]:
        """The speakers as a stage's configuration writes them."""
        folder = self.embeds.format(stage=stage)
        return () if stage in self.same_voice else tuple(f"{folder}{speaker}" for speaker in self.speakers)

    def has_language_ids(self, stage: str) -> bool:
        return self.language_ids and stage not in self.same_language

    def how_sampled(self, stage: str) -> Sampling:
        return self.sampling.get(stage) or Sampling(depth="float" if self.depth and stage == "acoustic" else None)
