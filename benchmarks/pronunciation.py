"""How well words are read: letters to sounds on words kept out of the training, and the lyrics of real scores."""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.children import run_child
from benchmarks.places import SCORES
from benchmarks.table import Bar, Figure, Table, bar_table
from cantilena.errors import CantilenaError
from cantilena.language import load_language
from cantilena.language.dictionary import find_package_data
from cantilena.language.english import English
from cantilena.language.english_reader import DICTIONARY
from cantilena.language.english_recognition import COMMON
from cantilena.language.graphones import load_graphones
from cantilena.language.letters import LetterToSound, is_held_out
from cantilena.language.spelling import clean_word

EVERY = 7  # of the words kept out, about 900 are asked for
FIRST_WORD = """
import time
begin = time.process_time()
from cantilena.language import load_language
load_language("en").pronounce("amazing")
print(time.process_time() - begin)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The words of one vocal line, verse by verse, and the language that the list of scores gives it."""

    name: str
    language: str
    words: tuple[str, ...]


def main() -> int:
    """Print the tables."""
    english = load_language("en")
    assert isinstance(english, English)
    print(_letter_to_sound_table())
    print()
    print(_cost_table(english))
    lines = list(_lines())
    if not lines:
        print(f"\nLyrics not measured: there are no reference scores in {SCORES}.")
        return 0
    print()
    print(_language_table(lines, english))
    print()
    print(_coverage_table(lines, english))
    return 0


def _letter_to_sound_table() -> Table:
    model = LetterToSound.from_package(load_graphones("english-graphones.txt"), "english-letters.txt")
    distances, lengths, wrong, seconds = [], [], 0, []
    for letters, phonemes in _held_out_words():
        begin = time.perf_counter()
        read = model.read(letters) or ()
        seconds.append(time.perf_counter() - begin)
        distances.append(min(edit_distance(read, spoken) for spoken in phonemes))
        lengths.append(len(phonemes[0]))
        wrong += distances[-1] > 0
    table = bar_table(
        "Letter-to-sound rules, on dictionary words kept out of their training",
        {
            "words": Figure(value=len(lengths), digits=0),
            "phoneme error rate": Figure(
                value=sum(distances) / sum(lengths), digits=3, bar=Bar(sense="at most", value=0.1)
            ),
            "words with an error": Figure(value=wrong / len(lengths), digits=3),
            "median ms a word": Figure(value=1000 * statistics.median(seconds), digits=1),
        },
    )
    table.remarks.append("Names, foreign and compound words included, as they come; stress is not counted.")
    return table


def _held_out_words() -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Letters and every pronunciation of some of the words that the rules have not seen."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in find_package_data(*DICTIONARY).read_text(encoding="utf-8").splitlines():
        spelling, *sounds = line.partition("#")[0].lower().split()
        word = spelling.partition("(")[0]
        if word.isascii() and word.isalpha() and len(word) > 2 and is_held_out(word):
            found.setdefault(word, []).append(tuple(sound.rstrip("012") for sound in sounds))
    yield from sorted(found.items())[::EVERY]


def edit_distance(given: Sequence[str], expected: Sequence[str]) -> int:
    """Fewest phonemes to put in, leave out or change."""
    row = list(range(len(expected) + 1))
    for i, phoneme in enumerate(given, start=1):
        before, row = row, [i]
        for j, other in enumerate(expected, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (phoneme != other)))
    return row[-1]


def _cost_table(english: English) -> Table:
    first = min(float(run_child([sys.executable, "-c", FIRST_WORD]).output) for _ in range(5))
    words = sorted(COMMON)
    begin = time.perf_counter()
    for word in words:
        English.pronounce(english, word)
    known = (time.perf_counter() - begin) / len(words)
    return bar_table(
        "What reading words costs",
        {
            "first word of a process, imports included, CPU ms": Figure(
                value=1000 * first, digits=0, bar=Bar(sense="at most", value=120)
            ),
            "a known word, ms": Figure(value=1000 * known, digits=2),
        },
    )


def _lines() -> Iterator[Line]:
    """Every verse of every vocal part of the reference scores that the list gives a language."""
    from cantilena.score import describe_score, extract_melody, read_score

    listing = SCORES / "scores.csv"
    if not listing.is_file():
        return
    with listing.open(encoding="utf-8", newline="") as rows:
        songs = [(row["file"], row["language"]) for row in csv.DictReader(rows) if row["language"] != "-"]
    for file, language in songs:
        score = read_score(SCORES / file)
        for part in describe_score(score).parts:
            for verse in part.verses:
                try:
                    notes = extract_melody(score, part=part.id, verse=verse).notes
                except CantilenaError:
                    continue  # a verse that this part has no notes for
                sung = [syllable.word.text for note in notes for syllable in note.syllables if syllable.index == 0]
                if sung:
                    yield Line(name=f"{file}, {part.name}, verse {verse}", language=language, words=tuple(sung))


def _language_table(lines: Sequence[Line], english: English) -> Table:
    table = Table(
        title="Is it English? Lines of the reference scores, verse by verse",
        columns=("language of the score", "lines", "sung", "refused"),
    )
    refused = {line.name: bool(english.foreign_words(line.words)) for line in lines}
    refusals = Counter((line.language, refused[line.name]) for line in lines)
    for language in sorted({line.language for line in lines}):
        sung, not_sung = refusals[language, False], refusals[language, True]
        bar = Bar(sense="at most", value=0) if language == "en" else None
        table.add(
            language, str(sung + not_sung), Figure(value=sung, digits=0), Figure(value=not_sung, digits=0, bar=bar)
        )
    odd = [line for line in lines if not refused[line.name] and line.language not in ("en", "haw+en")]
    table.remarks += [f"Sung: {line.name} ({' '.join(line.words[:6])})" for line in odd]
    table.remarks.append("A score in two languages has lines in either.")
    return table


def _coverage_table(lines: Sequence[Line], english: English) -> Table:
    words = Counter(clean_word(word) for line in lines if line.language == "en" for word in line.words)
    unknown = {word: count for word, count in words.items() if not english.is_known(word)}
    table = bar_table(
        "Words of the English scores",
        {
            "words sung": Figure(value=words.total(), digits=0),
            "different words": Figure(value=len(words), digits=0),
            "known, of the words sung": Figure(value=1 - sum(unknown.values()) / words.total(), digits=4),
            "known, of the different words": Figure(value=1 - len(unknown) / len(words), digits=4),
        },
    )
    shown = [f"{word} ({' '.join(english.pronounce(word))})" for word in sorted(unknown)]
    table.remarks += ["Read as compounds or by their letters:", *(f"  {word}" for word in shown)]
    return table


if __name__ == "__main__":
    sys.exit(main())
