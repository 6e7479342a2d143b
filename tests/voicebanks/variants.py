"""Every way in which voicebanks differ, as tiny ones: axis by axis, and the awkward ones people really bring.

Those named after known voicebanks have their shape as far as it is known, and nothing else of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from tests.voicebanks.bank import HIDDEN, TinyBank
from tests.voicebanks.graph import Sampling
from tests.voicebanks.sound import CONSONANTS, LEVELS, VOWELS

CALM = MappingProxyType({**LEVELS, "tension": 0.0})
FULL = TinyBank(
    pitch="word", variance="word", curves=("breathiness", "tension"), shifts=True, depth=True, levels=CALM,
    per_semitone=0.1,
)  # fmt: skip
ENGLISH = replace(FULL, prefix="en/", language_ids=True, foreign=("ja/a", "ja/k", "ja/m"))
ALL_CURVES = ("energy", "breathiness", "voicing", "tension")
SPEEDUP = Sampling(hurry="speedup")
SPEEDUP_DEPTH = Sampling(hurry="speedup", depth="int")
OLD = MappingProxyType({"acoustic": SPEEDUP, "dspitch": SPEEDUP, "dsvariance": SPEEDUP})
OLD_DEPTH = MappingProxyType({**OLD, "acoustic": SPEEDUP_DEPTH})
OLD_TABLES: Mapping[str, Any] = MappingProxyType(
    {"table": "pad", "acoustic_base": '"10"', "vocoder_base": '"10"', "vocoder_noise": "2024"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One kind of voicebank.

    Attributes
    ----------
    axis, name : str
        What it differs in, and how.
    bank : TinyBank
        A voicebank of that kind.
    """

    axis: str
    name: str
    bank: TinyBank

    @property
    def id(self) -> str:
        return f"{self.axis}: {self.name}"


def _tables() -> Iterator[tuple[str, TinyBank]]:
    yield "phonemes.json", FULL
    yield "phonemes.txt that begins with `<PAD>`", replace(FULL, table="pad")
    yield "phonemes.txt that begins with a blank line", replace(FULL, table="blank")
    yield "phonemes.txt with Windows line ends", replace(FULL, table="pad", newline="\r\n")
    yield "byte order marks everywhere", replace(FULL, table="blank", bom=True)
    yield "several symbols, one id", replace(ENGLISH, merged={"": ("en/k ja/k", "en/m ja/m")})
    yield "ids merged in one stage", replace(FULL, merged={"dspitch": ("aa ae ah ao", "t d", "s z sh zh")})


def _languages() -> Iterator[tuple[str, TinyBank]]:
    ids = {"acoustic": ("use_lang_id: true",), "dsdur": ("use_lang_id: true",)}
    no_ids = dict.fromkeys(HIDDEN, ("use_lang_id: false",))
    yield "prefixes and language ids", ENGLISH
    yield "prefixes, no language ids", replace(ENGLISH, language_ids=False)
    yield "one bare inventory for several languages", replace(FULL, foreign=("cl", "vf", "ts"))
    yield "partly bare", replace(ENGLISH, bare=("hh", "s", "k", "l", "n"))
    yield "language ids in the acoustic model alone", replace(ENGLISH, same_language=("dsdur", "dspitch", "dsvariance"))
    yield "language ids that the configuration denies", replace(ENGLISH, extra=no_ids)
    yield "language ids that no model asks for", replace(FULL, extra=ids)


def _speakers() -> Iterator[tuple[str, TinyBank]]:
    ten = tuple(f"{number:02}: {colour}" for number, colour in enumerate(("soft", "power")))
    yield "none", replace(FULL, speakers=(), ranges="{}")
    yield "one", replace(FULL, speakers=("mezzo",))
    yield "ten", replace(FULL, speakers=tuple(f"Colour_{number}" for number in range(10)))
    yield "names with dots", replace(FULL, speakers=("260509a.Miku", "260509a.kumi"))
    yield "folders in names", replace(FULL, speakers=("V5_Default", "V5_Soft"), embeds="embeds/{stage}/")
    yield (
        "folders with backslashes",
        replace(FULL, speakers=("V5_Default", "V5_Soft"), embeds="embeds/{stage}/", backslashes=True),
    )
    yield "written with `.emb`", replace(FULL, speakers=("v001.mezzo.emb", "v001.baritone.emb"))
    yield "told to the acoustic model alone", replace(FULL, same_voice=("dsdur", "dspitch", "dsvariance"))
    yield "told to all but the duration model", replace(FULL, same_voice=("dsdur",))
    yield "written with spaces", replace(FULL, speakers=tuple(name.replace(": ", " ") for name in ten))


def _stages() -> Iterator[tuple[str, TinyBank]]:
    yield "dur, pitch, variance", FULL
    yield "dur, pitch", replace(FULL, variance=None, curves=())
    yield "dur, variance", replace(FULL, pitch=None)
    yield "dur", replace(FULL, pitch=None, variance=None, curves=())
    yield "acoustic alone", replace(FULL, durations=None, pitch=None, variance=None, curves=())
    yield "pitch by word, variance by phoneme", replace(FULL, variance="phoneme")
    yield "pitch by phoneme, variance by word", replace(FULL, pitch="phoneme")
    yield "both by phoneme", replace(FULL, pitch="phoneme", variance="phoneme")
    yield "encoders fed tokens alone", replace(FULL, durations="bare", pitch="bare", variance="bare")
    yield "one encoder copied into three folders", replace(FULL, shared_encoder=True)
    yield "a dictionary in dsdur alone", replace(FULL, dictionaries=False)


def _curves() -> Iterator[tuple[str, TinyBank]]:
    yield "none asked for", replace(FULL, curves=())
    yield "energy", replace(FULL, predicted=("energy",), curves=("energy",))
    yield "energy, breathiness", replace(
        FULL, predicted=("energy", "breathiness"), curves=("energy", "breathiness")
    )  # fmt: skip
    yield "breathiness, voicing, tension", replace(FULL, predicted=ALL_CURVES[1:], curves=ALL_CURVES[1:])
    yield "all four", replace(FULL, predicted=ALL_CURVES, curves=ALL_CURVES)
    yield "more predicted than asked for", replace(FULL, predicted=ALL_CURVES, curves=("voicing",))


def _sampling() -> Iterator[tuple[str, TinyBank]]:
    steps, deep = Sampling(rank=1), Sampling(rank=1, depth="float")
    yield "`speedup`", replace(FULL, sampling=OLD)
    yield "`speedup` of rank 1", replace(FULL, sampling={**OLD, "acoustic": replace(SPEEDUP, rank=1)})
    yield "`speedup`, `depth` in steps, `max_depth` 600", replace(FULL, sampling=OLD_DEPTH, max_depth="600")
    yield (
        "the same, rank 1",
        replace(FULL, sampling={**OLD, "acoustic": replace(SPEEDUP_DEPTH, rank=1)}, max_depth="600"),
    )
    yield "`steps`", replace(FULL, depth=False)
    yield "`steps`, `depth` as a share", FULL
    yield "the same, rank 1", replace(FULL, sampling={"acoustic": deep, "dspitch": steps, "dsvariance": steps})
    yield "`max_depth` of 600 where a share belongs", replace(FULL, max_depth="600")
    yield "old pitch, new acoustic", replace(FULL, sampling={"dspitch": SPEEDUP, "dsvariance": SPEEDUP})
    yield "new pitch, old acoustic", replace(FULL, sampling={"acoustic": SPEEDUP_DEPTH}, max_depth="600")
    drawing = replace(SPEEDUP, ancestral=True)
    yield (
        "noise in a loop, `speedup`",
        replace(
            FULL,
            sampling={"acoustic": replace(SPEEDUP_DEPTH, ancestral=True), "dspitch": drawing, "dsvariance": drawing},
            max_depth="600",
        ),
    )
    yield (
        "noise in a loop, `steps`",
        replace(
            FULL, sampling={"acoustic": Sampling(depth="float", ancestral=True), "dspitch": Sampling(ancestral=True)}
        ),
    )


def _pitch() -> Iterator[tuple[str, TinyBank]]:
    yield "without `note_rest`", replace(FULL, note_rest=False)
    yield "without `expr`", replace(FULL, expr=False)
    yield "without either", replace(FULL, expr=False, note_rest=False)
    yield "with `note_glide`", replace(FULL, note_glide=True)


def _flags() -> Iterator[tuple[str, TinyBank]]:
    flags = ("use_key_shift_embed: true", "use_speed_embed: true")
    bounds = ("augmentation_args: {random_pitch_shifting: {range: [-12.0, 12.0]}}",)
    yield "gender and velocity", FULL
    yield "gender of another range", replace(FULL, extra={"acoustic": bounds})
    yield "gender and velocity promised, not there", replace(FULL, shifts=False, extra={"acoustic": flags})
    yield "neither", replace(FULL, shifts=False)
    yield "inputs of forks", replace(FULL, forked=True)


def _vocoders() -> Iterator[tuple[str, TinyBank]]:
    yield "bundled", FULL
    yield "bundled, no name given", replace(FULL, vocoder_name="")
    yield "bundled, another one named", replace(FULL, vocoder_name="nsf_hifigan_of_long_ago")
    yield "in a folder inside", replace(FULL, vocoder_place="inside")
    yield "in a folder beside", replace(FULL, vocoder_place="beside")
    yield "for any pitch", replace(FULL, pitch_controllable=True)
    yield "that draws phases and noise", replace(FULL, vocoder_noise="2024")
    yield "that draws nothing", replace(FULL, vocoder_noise="none")


def _mel() -> Iterator[tuple[str, TinyBank]]:
    yield "base 10 to base e", replace(FULL, acoustic_base='"10"')
    yield "base e to base 10", replace(FULL, vocoder_base='"10"', extra={"acoustic": ()}, vocoder_noise="none")
    yield "base 10, unquoted", replace(FULL, acoustic_base="10")
    yield "base 10 by default", replace(FULL, acoustic_base="")


def _grids() -> Iterator[tuple[str, TinyBank]]:
    yield "another hop in pitch and variance", replace(FULL, sub_hop_size=441)
    yield "another rate in pitch and variance", replace(FULL, sub_sample_rate=48000, sub_hop_size=480)
    yield "48 kHz, hop 480", replace(FULL, sample_rate=48000, hop_size=480, sub_hop_size=480)
    yield "24 kHz, hop 128", replace(FULL, sample_rate=24000, hop_size=128, sub_hop_size=128)
    yield "embeddings of one length in all stages", replace(FULL, hidden=dict.fromkeys(HIDDEN, 8))


def _roots() -> Iterator[tuple[str, TinyBank]]:
    yield "flat", FULL
    yield "files in dsmain/", replace(FULL, layout="dsmain", embeds="dsmain/embeds/{stage}/")
    yield "files in dsacoustic/", replace(FULL, layout="dsacoustic")
    yield "configuration in configs/, files in ../", replace(FULL, layout="configs")
    yield "acoustic configuration alone in configs/", replace(FULL, layout="configs apart")
    yield "a second configuration in configs/", replace(FULL, layout="configs copied")
    yield "one folder too many", replace(FULL, inside="Tiny")
    yield "two folders too many", replace(FULL, inside="Tiny_V1.0/Tiny")


def _files() -> Iterator[tuple[str, TinyBank]]:
    yield "paths in the wrong case", replace(FULL, layout="dsmain", wrong_case=True)
    yield "paths with backslashes", replace(FULL, layout="dsmain", backslashes=True)
    yield "character.txt in Shift-JIS", replace(FULL, character="shift-jis")
    yield "Windows line ends and byte order marks", replace(FULL, newline="\r\n", bom=True)


_KEIRO_LANGUAGES = ("de", "en", "es", "fil", "fr", "it", "ja", "ko", "pl", "pt", "ru", "th", "yue", "zh")


def _known() -> Iterator[tuple[str, TinyBank]]:
    yield "Qixuan: languages, a frozen speaker", replace(
        ENGLISH, speakers=(), ranges="{}", predicted=ALL_CURVES[1:], curves=ALL_CURVES[1:], foreign=("zh/a", "zh/b"),
        languages={"zh": 1, "en": 2}, extra={"acoustic": ("speakers: []",)},
    )  # fmt: skip
    yield "PM-31: bare, seven colours, merged ids in pitch, no variance", replace(
        FULL, variance=None, curves=(), speakers=tuple(f"PM31.Colour{number}" for number in range(7)),
        merged={"dspitch": ("aa ah ao", "s z", "t d dh th")}, pitch="phoneme",
    )  # fmt: skip
    yield (
        "Apollo: six colours, no pitch",
        replace(FULL, pitch=None, variance="phoneme", speakers=tuple(f"apollo.{number}" for number in range(6))),
    )
    yield "KITANE: energy alone, old sampling", replace(
        FULL, predicted=("energy",), curves=("energy",), pitch="phoneme", variance="phoneme", sampling=OLD_DEPTH,
        max_depth="400", trained_depth=0.4, **OLD_TABLES,
    )  # fmt: skip
    yield "Keiro: fourteen languages, ten colours, configs/", replace(
        ENGLISH, layout="configs", speakers=tuple(f"Keiro_v170.{number}" for number in range(10)),
        foreign=tuple(f"{code}/a" for code in _KEIRO_LANGUAGES if code != "en"),
        languages={code: number + 1 for number, code in enumerate(_KEIRO_LANGUAGES)}, sub_hop_size=441,
    )  # fmt: skip
    yield (
        "Katyusha: partly bare, configs/, a folder too many",
        replace(ENGLISH, layout="configs", inside="Katyusha", bare=CONSONANTS, variance="phoneme"),
    )
    yield "Rena: dsmain/, parallel speakers, language ids", replace(
        ENGLISH, layout="dsmain", embeds="embeds/", speakers=("Reizo", "Rena", "PJS"), predicted=ALL_CURVES,
        curves=ALL_CURVES,
    )  # fmt: skip
    yield (
        "Mairu: a stale vocoder name, phoneme encoders",
        replace(ENGLISH, vocoder_name="nsf_hifigan", pitch="phoneme", variance="phoneme"),
    )
    yield "Hitsune Kumi: two folders deep, dotted, backslashes, wrong case", replace(
        ENGLISH, inside="UFR-V1.0/Hitsune_Kumi", speakers=("millefeuille_v001.kumi", "millefeuille_v001.ufr"),
        layout="dsmain", backslashes=True, character="shift-jis",
    )  # fmt: skip
    yield "2022: `speedup`, txt, base 10, energy and breathiness, a shared vocoder", replace(
        FULL, speakers=(), ranges="{}", predicted=("energy", "breathiness"), curves=("energy", "breathiness"),
        sampling=OLD, expr=False, note_rest=False, vocoder_place="beside", vocoder_name="nsf_hifigan",
        character="shift-jis", newline="\r\n", **OLD_TABLES,
    )  # fmt: skip
    yield "hand-made: eras, grids, encoders and spellings mixed", replace(
        ENGLISH, sampling={"acoustic": SPEEDUP_DEPTH, "dspitch": Sampling(rank=1), "dsvariance": SPEEDUP},
        max_depth="600", pitch="bare", variance="phoneme", sub_sample_rate=32000, sub_hop_size=320,
        hidden=dict.fromkeys(HIDDEN, 6), pitch_controllable=True, bom=True, layout="dsacoustic", wrong_case=True,
        acoustic_base="10",
    )  # fmt: skip


def _gaps() -> Iterator[tuple[str, TinyBank]]:
    yield "a phoneme that one stage does not know", replace(FULL, unknown={"dspitch": ("ow",)})
    yield (
        "a phoneme that only the acoustic stage knows",
        replace(FULL, unknown={"dsdur": ("ow",), "dspitch": ("ow",), "dsvariance": ("ow",)}),
    )
    yield "a phoneme that the acoustic stage does not know", replace(FULL, unknown={"acoustic": ("ow", "hh")})
    yield "a phoneme that no stage knows", replace(FULL, unknown=dict.fromkeys(HIDDEN, ("ow", "ay")))
    yield "no breath", replace(FULL, breath=False)
    yield "another inventory, with replacements", replace(
        FULL, phonemes=(*(vowel.upper() for vowel in VOWELS), "h", "l", *CONSONANTS), prefix="",
        replacements=tuple((vowel, vowel.upper()) for vowel in VOWELS),
    )  # fmt: skip


def _variants() -> Iterator[Variant]:
    axes = {
        "phoneme table": _tables,
        "language": _languages,
        "speakers": _speakers,
        "stages": _stages,
        "variance curves": _curves,
        "sampling": _sampling,
        "pitch inputs": _pitch,
        "controls in the graph": _flags,
        "vocoder": _vocoders,
        "mel": _mel,
        "frame grid and sizes": _grids,
        "root": _roots,
        "files": _files,
        "phonemes": _gaps,
        "like known ones": _known,
    }
    for axis, banks in axes.items():
        before = ""
        for name, bank in banks():
            # "the same" needs what it is the same as
            full = f"{before}, {name.removeprefix('the same, ')}" if name.startswith("the same") else name
            yield Variant(axis=axis, name=full, bank=bank)
            before = full


VARIANTS: Mapping[str, Variant] = MappingProxyType({variant.id: variant for variant in _variants()})
"""By id."""
