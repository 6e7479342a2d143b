"""From a language's phonemes to the symbols of a voicebank, and how a word's phonemes divide into syllables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cantilena.findings import Finding
from cantilena.voicebank.nearest import bare, equivalents, find_namesake, is_rest, kind_by_name
from cantilena.voicebank.phonetics import sounds_of

if TYPE_CHECKING:
    from cantilena.language import Language
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.bundle import Stage
    from cantilena.voicebank.phonetics import Kind

_HINT: Final = "Choose another --voicebank, or give the word other phonemes with --pronounce."
_NEVER_FIRST: Final = frozenset({"ng"})


class PhonemeResolver:
    """Finds the symbols that a voicebank sings for a language's phonemes.

    In order: what the voicebank's dictionary puts in a phoneme's place, the phoneme under its language's prefix, the
    bare phoneme, and the nearest thing there is. What the acoustic stage has decides, for that is what is heard; every
    other stage puts its own nearest symbol in place of one that it lacks. Each such replacement becomes a finding,
    once for each phoneme and stage. No phoneme is ever left out.
    """

    def __init__(self, voicebank: Voicebank, language: Language) -> None:
        self._voicebank = voicebank
        self._language = language
        self._dictionary = voicebank.dictionary(language.code)
        self._stages = voicebank.stages
        self._kinds: dict[str, Kind] = {}
        self._resolved: dict[str, tuple[str, ...]] = {}
        self._exact: dict[str, tuple[str, ...] | None] = {}
        self.findings: list[Finding] = []

    def resolve(self, phoneme: str) -> tuple[str, ...]:
        """The symbols to sing for one phoneme, at least one.

        Parameters
        ----------
        phoneme : str
            A phoneme of the language, or a symbol as the voicebank writes it.
        """
        if phoneme not in self._resolved:
            self._resolved[phoneme] = self._find_exact(phoneme) or self._substitute(phoneme)
            self._report_stages(self._resolved[phoneme])
        return self._resolved[phoneme]

    def is_exact(self, phoneme: str) -> bool:
        """Whether the voicebank sings a phoneme itself, or what its dictionary puts in its place."""
        return self._find_exact(phoneme) is not None

    def kind(self, symbol: str) -> Kind:
        """Kind of a symbol by the voicebank's dictionaries, else by its name; silence and breath are vowels."""
        if symbol not in self._kinds:
            self._kinds[symbol] = self._find_kind(symbol)
        return self._kinds[symbol]

    def kind_of_phoneme(self, phoneme: str) -> Kind:
        """Kind of a language's phoneme: that of the first symbol sung for it."""
        return self.kind(self.resolve(phoneme)[0])

    def _find_kind(self, symbol: str) -> Kind:
        if is_rest(symbol):
            return "vowel"
        for kinds in (self._dictionary.kinds, self._voicebank.durations.kinds):
            for spelling in (symbol, bare(symbol)):
                if spelling in kinds:
                    return kinds[spelling]
        if bare(symbol) in self._language.vowels:
            return "vowel"
        return kind_by_name(symbol)

    def _find_exact(self, phoneme: str) -> tuple[str, ...] | None:
        """The first way to sing a phoneme that all stages know, else the first that the acoustic stage knows."""
        if phoneme not in self._exact:
            candidates = self._candidates(phoneme)
            wanted = (self._stages, (self._voicebank.acoustic,))
            way = next((way for stages in wanted for way in candidates if self._all_know(way, stages)), None)
            self._exact[phoneme] = tuple(map(self._spelling, way)) if way is not None else None
        return self._exact[phoneme]

    @staticmethod
    def _all_know(symbols: Sequence[str], stages: Sequence[Stage]) -> bool:
        return all(stage.symbols.find(symbol) is not None for stage in stages for symbol in symbols)

    def _candidates(self, phoneme: str) -> list[tuple[str, ...]]:
        """Ways to sing a phoneme, best first."""
        prefixed = (f"{self._language.code}/{phoneme}",)
        if phoneme not in self._language.inventory:  # a symbol of the voicebank itself, which nothing replaces
            return [(phoneme,)] if "/" in phoneme else [(phoneme,), prefixed]
        replaced = self._dictionary.replacements.get(phoneme)
        return [*([replaced] if replaced else []), prefixed, (phoneme,)]

    def _spelling(self, symbol: str) -> str:
        """A symbol with the prefix of its language where any stage has it so: stages that lack the prefix drop it."""
        if any(stage.symbols.tokens.get(symbol, 0) > 0 for stage in self._stages):
            return symbol
        return bare(symbol)

    def _substitute(self, phoneme: str) -> tuple[str, ...]:
        """What comes nearest to a phoneme in the acoustic stage."""
        table = self._voicebank.acoustic.symbols
        found: tuple[str, ...] = (table.spell(self._candidates(phoneme)[0][0]),)
        if find_namesake(phoneme, table.sung) is None:
            found = self._find_equivalent(phoneme) or self._divide_diphthong(phoneme, found[0]) or found
        self.findings.append(
            Finding(
                code="phoneme_substituted",
                message=f"The voicebank {self._voicebank.id} has no phoneme {phoneme!r}; {' '.join(found)} is sung in "
                "its place.",
                hint=_HINT,
            )
        )
        return found

    def _find_equivalent(self, phoneme: str) -> tuple[str, ...] | None:
        """What is usually sung in place of a phoneme, where the voicebank has it."""
        for instead in equivalents(phoneme):
            known = [self._find_exact(item) for item in instead]
            if None not in known:
                return tuple(symbol for symbols in known for symbol in symbols or ())
        return None

    def _divide_diphthong(self, phoneme: str, nearest: str) -> tuple[str, ...] | None:
        """Both vowels of a diphthong, each as near as may be, where the nearest single symbol has only one of them."""
        for instead in equivalents(phoneme):
            if len(instead) == 2 and all(kind_by_name(item) == "vowel" for item in instead):
                whole = len(sounds_of(nearest, None)) > 1
                spell = self._voicebank.acoustic.symbols.spell
                return None if whole else tuple(spell(self._candidates(item)[0][0]) for item in instead)
        return None

    def _report_stages(self, symbols: Sequence[str]) -> None:
        """Tell which symbols a stage replaces for itself."""
        for stage in self._stages:
            for symbol in dict.fromkeys(symbols):
                if stage.symbols.find(symbol) is None:
                    name = stage.config.folder.name
                    finding = Finding(
                        code="phoneme_substituted",
                        message=f"The stage {name} of the voicebank {self._voicebank.id} has no phoneme {symbol!r}; it "
                        f"is told {stage.symbols.spell(symbol)} instead.",
                        hint=_HINT,
                    )
                    if finding not in self.findings:
                        self.findings.append(finding)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyllablePhonemes:
    """Phonemes of one sung syllable.

    Attributes
    ----------
    lead : tuple of str
        Consonants before the beat.
    body : tuple of str
        From the sound on the beat on; empty when the syllable has none of its own and the vowel before goes on.
    """

    lead: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


def divide_word(
    phonemes: Sequence[str], openings: Sequence[int | None], kinds: Sequence[Kind]
) -> tuple[SyllablePhonemes, ...]:
    """Phonemes of each written syllable of a word.

    Parameters
    ----------
    phonemes : sequence of str
        Of the whole word.
    openings : sequence of int or None
        Index of the vowel that opens each syllable, rising; None: the vowel before goes on.
    kinds : sequence of {"vowel", "glide", "consonant"}
        Of each phoneme, in this voicebank.

    Returns
    -------
    tuple of SyllablePhonemes
        One for each syllable; together they hold every phoneme once.
    """
    starts = [None if opening is None else _beat(opening, kinds) for opening in openings]
    opened = [syllable for syllable, start in enumerate(starts) if start is not None]
    pieces = [SyllablePhonemes()] * len(starts)
    begin = 0
    for syllable, after in zip(opened, [*opened[1:], None], strict=True):
        start = starts[syllable] or 0
        end = len(phonemes) if after is None else _first_of_lead(phonemes, start, starts[after] or 0, kinds)
        pieces[syllable] = SyllablePhonemes(lead=tuple(phonemes[begin:start]), body=tuple(phonemes[start:end]))
        begin = end
    return tuple(pieces)


def _beat(opening: int, kinds: Sequence[Kind]) -> int:
    """The sound on the beat: the vowel, or the glide between a consonant and the vowel ("k y uw")."""
    if opening >= 2 and kinds[opening - 1] == "glide" and kinds[opening - 2] != "vowel":
        return opening - 1
    return opening


def _first_of_lead(phonemes: Sequence[str], start: int, beat: int, kinds: Sequence[Kind]) -> int:
    """Where the consonants between two syllables divide: one goes to the later syllable, two when the second of them
    glides ("tr"), none when the later syllable already begins with a glide that has no consonant before it.
    """
    last_vowel = max((k for k in range(start, beat) if kinds[k] == "vowel"), default=start)
    cut = beat
    if cut - 1 > last_vowel and bare(phonemes[cut - 1]) not in _NEVER_FIRST:
        cut -= 1
        if kinds[cut] == "glide" and cut - 1 > last_vowel and kinds[cut - 1] == "consonant":
            cut -= 1
    return cut
