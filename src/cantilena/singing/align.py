"""Step ``align``: the words of a phrase become phonemes, and the phonemes find their beats.

Conventions
-----------
The vowel of a syllable (or the glide before it, between consonant and vowel) begins exactly with its note; consonants
before it end the group of the note before, or the silence before the phrase. Consonants between two syllables are
divided between them, which is heard only where a rest parts the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cantilena.errors import LyricError, Place
from cantilena.language.spelling import clean_word
from cantilena.singing.phonemes import PhonemeResolver, SyllablePhonemes, divide_word
from cantilena.singing.results import Phoneme, PhonemeGroup, PhonemeSequence
from cantilena.singing.words import REST_LYRICS
from cantilena.voicebank.nearest import nearest_symbol
from cantilena.voicebank.symbols import BREATH, SILENCE

if TYPE_CHECKING:
    from cantilena.findings import Finding
    from cantilena.language import Language
    from cantilena.score.melody import Syllable, Word
    from cantilena.singing.phrase import PerformedNote, Phrase
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.dictionary import Dictionary

MAX_HEAD_SECONDS: Final = 0.5
"""A phrase begins at most this long before its first beat, padding left out."""
_LEAST_HEAD_SECONDS: Final = 0.15  # for consonants, even where the phrase before reaches up to this one
_LEAST_GAP_SECONDS: Final = 0.04  # a shorter gap between two notes is sung over
_LEAST_BREATH_ROOM_SECONDS: Final = 0.4
_BREATH_SECONDS: Final = (0.3, 0.45)  # provisional: the room for a breath and the consonants after it
_BREATH_SHARE: Final = 0.7  # of the silence before the phrase


def align(
    phrase: Phrase,
    voicebank: Voicebank,
    language: Language,
    pronunciations: Mapping[str, tuple[str, ...]],
    *,
    expression: float = 1.0,
) -> tuple[PhonemeSequence, tuple[Finding, ...]]:
    """Pronounce a phrase and place its phonemes.

    Parameters
    ----------
    phrase : Phrase
        What is sung.
    voicebank : Voicebank
        Whose phonemes are used.
    language : Language
        How words are pronounced.
    pronunciations : mapping of str to tuple of str
        Word, as :func:`cantilena.language.clean_word` leaves it, to phonemes of the language or symbols of the
        voicebank; wins over the language.
    expression : float
        0..1: how readily a breath is heard before the phrase; the less of it, the longer the silence must be.

    Returns
    -------
    tuple of PhonemeSequence and Findings
        A finding for each phoneme that had to be replaced in a stage.

    Raises
    ------
    LyricError
        ``lyric_not_pronounceable``, with part and measure.
    """
    resolver = PhonemeResolver(voicebank, language)
    pronouncer = _Pronouncer(phrase.part, resolver, language, pronunciations, voicebank.dictionary(language.code))
    pieces = pronouncer.pronounce(phrase)
    head_room = min(MAX_HEAD_SECONDS, max(phrase.breath_before, _LEAST_HEAD_SECONDS))
    layout = _Layout(resolver=resolver)
    layout.rest(phrase.onset - MAX_HEAD_SECONDS, phrase.notes[0].midi, SILENCE)
    if expression * phrase.breath_before > _LEAST_BREATH_ROOM_SECONDS and voicebank.has_breath:
        shortest, longest = _BREATH_SECONDS
        room = min(max(_BREATH_SHARE * phrase.breath_before, shortest), longest)
        layout.rest(phrase.onset - room, phrase.notes[0].midi, BREATH)
    for index, note in enumerate(phrase.notes):
        if index and note.onset - phrase.notes[index - 1].offset > _LEAST_GAP_SECONDS:
            layout.rest(phrase.notes[index - 1].offset, note.midi, SILENCE)
        layout.sing(note, pieces[index])
    groups = tuple(
        PhonemeGroup(onset=group.onset, midi=group.midi, phonemes=tuple(group.phonemes)) for group in layout.groups
    )
    sequence = PhonemeSequence(groups=groups, offset=phrase.offset, head_room=head_room)
    return sequence, tuple(resolver.findings)


@dataclass(slots=True)
class _Group:
    onset: float
    midi: float
    phonemes: list[Phoneme]


@dataclass(slots=True)
class _Layout:
    """Groups as they are opened, note by note."""

    resolver: PhonemeResolver
    groups: list[_Group] = field(default_factory=list)

    def rest(self, onset: float, midi: float, symbol: str) -> None:
        """Open a group of silence or breath."""
        self.groups.append(_Group(onset, midi, [Phoneme(symbol=symbol, kind="vowel", note=None)]))

    def sing(self, note: PerformedNote, pieces: Sequence[SyllablePhonemes]) -> None:
        """Add the syllables of one note: the first with a sound of its own begins on the beat."""
        opened = False
        for piece in pieces:
            self.groups[-1].phonemes += self._phonemes(piece.lead, note.id)
            body = self._phonemes(piece.body, note.id)
            if body and not opened:
                self.groups.append(_Group(note.onset, note.midi, body))
                opened = True
            else:
                self.groups[-1].phonemes += body
        if not opened and self.groups[-1].phonemes[-1].note is None:
            self._resume(note)

    def _phonemes(self, phonemes: Sequence[str], note: int) -> list[Phoneme]:
        symbols = [symbol for phoneme in phonemes for symbol in self.resolver.resolve(phoneme)]
        return [Phoneme(symbol=symbol, kind=self.resolver.kind(symbol), note=note) for symbol in symbols]

    def _resume(self, note: PerformedNote) -> None:
        """A note without a sound of its own after a short gap: the vowel before it begins anew."""
        sung = [phoneme for group in self.groups for phoneme in group.phonemes if phoneme.note is not None]
        vowels = [phoneme for phoneme in sung if phoneme.kind == "vowel"] or sung
        if vowels:
            again = Phoneme(symbol=vowels[-1].symbol, kind=vowels[-1].kind, note=note.id)
            self.groups.append(_Group(note.onset, note.midi, [again]))


@dataclass(frozen=True, slots=True)
class _Pronouncer:
    """Words to the phonemes of their syllables."""

    part: str
    resolver: PhonemeResolver
    language: Language
    pronunciations: Mapping[str, tuple[str, ...]]
    dictionary: Dictionary

    def pronounce(self, phrase: Phrase) -> list[list[SyllablePhonemes]]:
        """What is sung on each note of a phrase."""
        pieces: list[list[SyllablePhonemes]] = [[] for _ in phrase.notes]
        sung = list(_occurrences(phrase))
        words = {item.occurrence: item.syllable.word for item in sung}
        divided = {occurrence: self._divide(word, words.get(occurrence + 1)) for occurrence, word in words.items()}
        for item in sung:
            pieces[item.note].append(divided[item.occurrence][item.syllable.index])
        if not any(piece.body for piece in pieces[0]):
            first = phrase.notes[0].syllables
            carried = first[0] if first else phrase.carried_vowel
            if carried is not None:  # the vowel before the rest goes on
                pieces[0] = [self._last_vowel(self._divide(carried.word, None)[: carried.index + 1])]
        return pieces

    def _divide(self, word: Word, next_word: Word | None) -> tuple[SyllablePhonemes, ...]:
        """The phonemes of each syllable of one word."""
        try:
            phonemes = self.pronunciations.get(clean_word(word.text)) or self._read(word, next_word)
            openings = self.language.place_syllables(self._in_language(phonemes), word.syllables)
            return divide_word(phonemes, openings, [self.resolver.kind_of_phoneme(phoneme) for phoneme in phonemes])
        except LyricError as error:
            place = Place(part=word.part or self.part, measure=word.measure)
            message = error.message if word.text in error.message else f"In the word {word.text!r}: {error.message}"
            raise LyricError(error.code, message, hint=error.hint, place=place) from error

    def _read(self, word: Word, next_word: Word | None) -> tuple[str, ...]:
        """The phonemes of a word as the language reads it, or as the voicebank's own dictionary has it.

        A reader of ours knows how words are sung and where their syllables fall, so it decides. The dictionary comes
        in where the reader has nothing but letters to go by, and where the voicebank lacks one of its phonemes: the
        dictionary's author then knows better than a rule what the voice sings instead.
        """
        if word.text in REST_LYRICS:
            return (REST_LYRICS[word.text],)
        phonemes = self.language.pronounce(
            word.text, next_word=next_word.text if next_word else None, syllables=word.syllables
        )
        if self.language.inventory and (
            not all(map(self.resolver.is_exact, phonemes)) or self.language.is_guess(word.text)
        ):
            entry = self.dictionary.words.get(word.text) or self.dictionary.words.get(clean_word(word.text))
            if entry and all(map(self.resolver.is_exact, entry)):
                return entry
        return phonemes

    def _in_language(self, phonemes: Sequence[str]) -> tuple[str, ...]:
        """Phonemes as the language's own: symbols of the voicebank become the nearest, for counting syllables."""
        inventory = self.language.inventory
        if not inventory or inventory.issuperset(phonemes):
            return tuple(phonemes)
        kinds = {symbol: self.resolver.kind(symbol) for symbol in phonemes}
        return tuple(nearest_symbol(symbol, sorted(inventory), kinds) for symbol in phonemes)

    def _last_vowel(self, pieces: Sequence[SyllablePhonemes]) -> SyllablePhonemes:
        """The vowel that still sounds at the end of the last of some syllables."""
        phonemes = [phoneme for piece in pieces for phoneme in piece.body]
        vowels = [phoneme for phoneme in phonemes if self.resolver.kind_of_phoneme(phoneme) == "vowel"]
        return SyllablePhonemes(body=tuple((vowels or phonemes)[-1:]))


@dataclass(frozen=True, slots=True)
class _Sung:
    """A syllable, where it is sung, and which occurrence of a word in the phrase it belongs to."""

    note: int
    syllable: Syllable
    occurrence: int


def _occurrences(phrase: Phrase) -> Iterator[_Sung]:
    """Every syllable of the phrase; a word is a new occurrence when it begins again."""
    before: Syllable | None = None
    occurrence = 0
    for index, note in enumerate(phrase.notes):
        for syllable in note.syllables:
            goes_on = before is not None and syllable.word == before.word and syllable.index > before.index
            if before is not None and not goes_on:
                occurrence += 1
            before = syllable
            yield _Sung(index, syllable, occurrence)
