"""Bytes to a safe XML root: what a file is, is told by its bytes, and what is dangerous is refused."""

from __future__ import annotations

import io
import zipfile

import pytest

from cantilena.errors import ScoreError
from cantilena.score import read_score
from cantilena.score.container import MAX_FILE_BYTES, MAX_XML_BYTES
from tests.unit.score.engraving import codes, document, note, part

SONG = document(part(note(words="la")))
CONTAINER = b'<container><rootfiles><rootfile full-path="song.xml"/></rootfiles></container>'


def archive(**files: bytes) -> bytes:
    return zipped({"META-INF/container.xml": CONTAINER, "song.xml": SONG} | files)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return buffer.getvalue()


def refusal(data: bytes, name: str = "song.musicxml") -> ScoreError:
    with pytest.raises(ScoreError) as caught:
        read_score(data, name=name)
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


def test_plain_and_compressed_scores_read_alike():
    plain = read_score(SONG, name="song.musicxml")
    compressed = read_score(archive(), name="song.mxl")
    assert plain.parts == compressed.parts
    assert codes(plain) == codes(compressed) == []


@pytest.mark.parametrize(("data", "name"), [(archive(), "song.musicxml"), (SONG, "song.mxl")])
def test_a_wrong_suffix_is_told_and_does_no_harm(data, name):
    assert codes(read_score(data, name=name)) == ["file_type_mismatch"]


def test_files_and_folders(tmp_path):
    (tmp_path / "song.musicxml").write_bytes(SONG)
    assert len(read_score(tmp_path / "song.musicxml").parts) == 1
    with pytest.raises(ScoreError, match=r"no file .*gone\.mxl") as gone:
        read_score(tmp_path / "gone.mxl")
    assert gone.value.code == "score_not_found"
    with pytest.raises(ScoreError, match="is a folder") as folder:
        read_score(tmp_path)
    assert folder.value.code == "score_unreadable"


def test_a_file_is_never_read_further_than_its_limit(tmp_path):
    large = tmp_path / "large.musicxml"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ScoreError, match="16 MB") as caught:
        read_score(large)
    assert caught.value.code == "score_too_large"


class TestArchives:
    def test_a_bomb_is_read_one_byte_too_far_and_no_further(self):
        assert refusal(archive(**{"song.xml": b" " * (MAX_XML_BYTES + 1)}), "song.mxl").code == "score_too_large"

    def test_too_many_entries(self):
        many = {f"x{n}": b"" for n in range(64)}
        assert refusal(archive(**many), "song.mxl").code == "mxl_too_many_entries"

    @pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data.replace(b"la", b"lo")])
    def test_damage(self, damage):
        stored = io.BytesIO()
        with zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as made:
            made.writestr("song.xml", SONG)
        error = refusal(damage(stored.getvalue()), "song.mxl")
        assert error.code == "mxl_corrupt"

    def test_nothing_inside_that_could_be_a_score(self):
        assert refusal(zipped({"readme.txt": b"hello"}), "song.mxl").code == "mxl_no_score"

    @pytest.mark.parametrize(
        "container",
        [
            None,
            b"<container><rootfiles><rootfile full-path='I'll.xml'/></rootfiles></container>",
            b'<container><rootfiles><rootfile full-path="/etc/passwd"/></rootfiles></container>',
            b'<container><rootfiles><rootfile full-path="x.pdf" media-type="application/pdf"/></rootfiles></container>',
        ],
    )
    def test_without_a_usable_container_the_first_score_is_read(self, container):
        files = {"song.xml": SONG}
        if container is not None:
            files["META-INF/container.xml"] = container
        assert codes(read_score(zipped(files), name="song.mxl")) == ["container_repaired"]

    def test_the_container_chooses_among_several(self):
        other = document(part(note("G4", words="lo")))
        files = {"a.xml": other, "META-INF/container.xml": CONTAINER, "song.xml": SONG}
        score = read_score(zipped(files), name="song.mxl")
        assert score.parts[0].measures[0][0].midi == 60


class TestDocuments:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "score_not_xml"),
            (b"RIFF$ WAVE", "score_not_xml"),
            (b"<!doctype html><html><body>404<br></html>", "score_not_xml"),
            (b"<html><body>404</body></html>", "score_not_xml"),
            (SONG[:-20], "score_not_xml"),
            (b"<opus/>", "score_not_musicxml"),
            (b'<mei xmlns="http://www.music-encoding.org/ns/mei"/>', "score_not_musicxml"),
            (b'<?xml version="1.0" encoding="KLINGON-8"?>' + SONG, "score_bad_encoding"),
            ('<?xml version="1.0" encoding="UTF-8"?><a>é</a>'.encode("latin-1"), "score_bad_encoding"),
            (b"<a>" * 5000 + b"</a>" * 5000, "score_too_complex"),
        ],
    )
    def test_what_is_no_score(self, data, code):
        assert refusal(data).code == code

    @pytest.mark.parametrize(
        "doctype",
        [
            '<!DOCTYPE s [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>',
            '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE s [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
        ],
    )
    def test_entities_are_refused_wherever_they_are_declared(self, doctype):
        assert refusal(doctype.encode() + SONG).code == "score_forbidden_entity"
        assert refusal(("﻿" + doctype).encode("utf-16") + SONG.decode().encode("utf-16-le")).code in (
            "score_forbidden_entity",
            "score_not_xml",
        )

    def test_an_undeclared_entity_is_refused_and_not_read_as_nothing(self):
        doctype = b'<!DOCTYPE score-partwise PUBLIC "-//R//DTD" "http://www.musicxml.org/dtds/partwise.dtd">'
        assert refusal(doctype + SONG.replace(b">la<", b">caf&eacute;<")).code == "score_forbidden_entity"

    def test_an_external_dtd_is_never_fetched(self):
        doctype = b'<!DOCTYPE score-partwise PUBLIC "-//R//DTD" "http://127.0.0.1:1/partwise.dtd">'
        assert codes(read_score(doctype + SONG, name="song.xml")) == []

    def test_a_namespace_is_stripped(self):
        score = read_score(SONG.replace(b"<score-partwise", b'<score-partwise xmlns="http://x.org"'))
        assert codes(score) == ["namespace_ignored"]
        assert score.parts[0].name == "Voice"

    def test_style_sheets_and_includes_are_ignored(self):
        include = b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
        data = b'<?xml-stylesheet href="file:///etc/passwd"?>' + SONG.replace(b"<note>", include + b"<note>")
        assert codes(read_score(data)) == ["instruction_ignored", "include_ignored"]

    def test_timewise_is_turned_part_by_part(self):
        timewise = (
            '<score-timewise><part-list><score-part id="P1"><part-name>High</part-name></score-part>'
            '<score-part id="P2"><part-name>Low</part-name></score-part></part-list>'
            + "".join(
                f'<measure number="{n}"><part id="P1">{note("C5")}</part><part id="P2">{note("C3")}</part></measure>'
                for n in (1, 2)
            )
            + "</score-timewise>"
        )
        score = read_score(timewise.encode())
        assert [(p.name, len(p.measures), p.measures[1][0].midi) for p in score.parts] == [
            ("High", 2, 72),
            ("Low", 2, 48),
        ]
        assert "timewise_converted" in codes(score)
