"""Learning spelling from a few words: what the recipe of the letter-to-sound rules does, in small."""

from __future__ import annotations

import math

from cantilena.language.graphones import align
from cantilena.language.letters import LetterToSound
from languagebuilder.graphones import learn_graphones
from languagebuilder.letters import ORDER, count_lines

WORDS = [
    ("cat", ("k", "ae", "t")), ("ship", ("sh", "ih", "p")), ("fish", ("f", "ih", "sh")), ("tax", ("t", "ae", "k", "s")),
    ("pack", ("p", "ae", "k")), ("kit", ("k", "ih", "t")), ("cap", ("k", "ae", "p")), ("sip", ("s", "ih", "p")),
    ("hat", ("hh", "ae", "t")), ("axis", ("ae", "k", "s", "ih", "s")), ("tick", ("t", "ih", "k")),
]  # fmt: skip


def test_letters_find_the_sounds_they_write() -> None:
    costs = {graphone: -math.log(share) for graphone, share in learn_graphones(WORDS).items()}
    assert align("shack", ("sh", "ae", "k"), costs) == (("sh", ("sh",)), ("a", ("ae",)), ("ck", ("k",)))
    assert align("fix", ("f", "ih", "k", "s"), costs) == (("f", ("f",)), ("i", ("ih",)), ("x", ("k", "s")))


def test_what_was_counted_reads_words_that_were_not() -> None:
    costs = {graphone: -math.log(share) for graphone, share in sorted(learn_graphones(WORDS).items())}
    lines = count_lines([align(*word, costs) for word in WORDS] * 4, costs)
    assert len(lines[0].split()) == 1 + ORDER  # the discount of each order
    model = LetterToSound(costs, "".join(lines).encode())
    assert model.read("shack") == ("sh", "ae", "k")
    assert model.read("fax") == ("f", "ae", "k", "s")
    assert model.read("tip") == ("t", "ih", "p")
