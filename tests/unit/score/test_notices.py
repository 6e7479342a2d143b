"""Findings are gathered: one for each kind, with all its places."""

from __future__ import annotations

from cantilena.score.notices import Notices


def test_the_same_thing_in_many_measures_is_one_finding():
    notices = Notices()
    for measure in ["3", "5", "5", *map(str, range(6, 15))]:
        notices.add("chord_reduced", "A chord.", part="Voice", measure=measure)
    notices.add("chord_reduced", "A chord.", part="Piano", measure="1", hint="Do.")
    voice, piano = notices.findings()
    assert (voice.measure, voice.part) == ("3", "Voice")
    assert voice.message == "A chord. Also in measures 5, 6, 7, 8, 9, 10, 11, 12 and 2 more."
    assert (piano.message, piano.hint) == ("A chord.", "Do.")


def test_one_other_measure():
    notices = Notices()
    for measure in "12":
        notices.add("x", "X.", measure=measure)
    assert notices.findings()[0].message == "X. Also in measure 2."


def test_a_hostile_number_of_findings_is_cut_off():
    notices = Notices()
    for number in range(10_000):
        notices.add("x", f"X {number}.")
    assert len(notices.findings()) == 400
