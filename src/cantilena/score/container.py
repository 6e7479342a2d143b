"""The bytes of a score to the root of its XML, safely: container, encoding, limits, refusal of entities.

Conventions
-----------
What a file is, is told by its first bytes, never by its name. A member of an archive is read in memory, one byte
further than allowed at most, and nothing is ever extracted. No DTD is loaded and nothing outside the file is opened.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lxml import etree

from cantilena.errors import ScoreError
from cantilena.score.notices import Notices

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
MAX_XML_BYTES: Final = 32 * 1024 * 1024
MAX_ARCHIVE_ENTRIES: Final = 64
_ZIP_MAGIC = b"PK"
_ZIP_ENTRY_MAGIC = b"PK\x01\x02"

_CONTAINER = "META-INF/container.xml"
_SCORE_SUFFIXES = (".musicxml", ".xml")
_COMMON_ENCODING = re.compile(
    r"(utf-?8|utf-?16.*|us-?ascii|iso-?8859.*|windows-.*|cp\d+|shift_?jis|euc-.*|gb.*|big5|koi8.*)$", re.I
)

_XML_PLACE = re.compile(r", line \d+, column \d+.*")  # what libxml2 adds; the line is told already

_MUSICXML_HINT = "Export the score as MusicXML (.musicxml or .mxl) from the notation program once more."
_XML_HINT = "The file is damaged or not MusicXML; export it from the notation program once more."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreXml:
    """A well-formed document whose root is ``score-partwise``.

    Attributes
    ----------
    root : lxml element
        Without namespaces, comments and processing instructions.
    name : str
        Of the file, for messages.
    """

    root: etree._Element
    name: str


def load_bytes(source: Path | bytes, *, name: str | None = None) -> tuple[bytes, str]:
    """The bytes of a file (or the ones given) and its name, at most ``MAX_FILE_BYTES`` of them."""
    if isinstance(source, bytes):
        data, name = source, name or "score"
    else:
        data, name = _read_file(source), name or source.name
    if len(data) > MAX_FILE_BYTES:
        raise ScoreError(
            "score_too_large",
            f"{name} is larger than {MAX_FILE_BYTES // 2**20} MB.",
            hint="Save the score as compressed MusicXML (.mxl), or leave pictures out of it.",
        )
    return data, name


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # asking for more than there is costs a buffer of that size; what has no size, such as a pipe, is read so
            size = os.fstat(file.fileno()).st_size or MAX_FILE_BYTES
            return file.read(min(size, MAX_FILE_BYTES) + 1)
    except FileNotFoundError:
        raise ScoreError("score_not_found", f"There is no file {path}.", hint="Check the path of the score.") from None
    except IsADirectoryError:
        raise ScoreError(
            "score_unreadable", f"{path} is a folder, not a score.", hint="Name a .musicxml, .xml or .mxl file."
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScoreError(
            "score_unreadable", f"{path} cannot be read: {reason}.", hint="Check the file and its permissions."
        ) from error


def open_score(data: bytes, *, name: str, notices: Notices) -> ScoreXml:
    """Unpack, parse and check a score.

    Parameters
    ----------
    data : bytes
        A MusicXML document, or a zip archive that holds one.
    name : str
        Of the file; its suffix is compared with what the file really is.
    notices : Notices
        Receives what was repaired or ignored.

    Raises
    ------
    ScoreError
        ``mxl_*`` for the archive, ``score_not_xml``, ``score_bad_encoding``, ``score_too_complex``,
        ``score_too_large``, ``score_forbidden_entity`` and ``score_not_musicxml`` for the document.
    """
    suffix = Path(name).suffix.lower()
    if data.startswith(_ZIP_MAGIC):
        if suffix in _SCORE_SUFFIXES:
            notices.add("file_type_mismatch", f"The file is compressed MusicXML, although it is named {suffix}.")
        data = _score_in_archive(data, name, notices)
    elif suffix == ".mxl":
        notices.add("file_type_mismatch", "The file is plain MusicXML, although it is named .mxl.")
    root = _parse(data, name)
    _note_ignored(data, root, notices)
    return ScoreXml(root=_as_partwise(root, name, notices), name=name)


def unpack_score(data: bytes, *, name: str) -> bytes:
    """The document of a score: out of its archive, if it is in one.

    Raises
    ------
    ScoreError
        ``mxl_*``, ``score_too_large``.
    """
    return _score_in_archive(data, name, Notices()) if data.startswith(_ZIP_MAGIC) else data


# --- archives ---------------------------------------------------------------------------------------------------


def _score_in_archive(data: bytes, name: str, notices: Notices) -> bytes:
    if data.count(_ZIP_ENTRY_MAGIC) > MAX_ARCHIVE_ENTRIES:
        raise ScoreError(
            "mxl_too_many_entries",
            f"The archive {name} holds more than {MAX_ARCHIVE_ENTRIES} files.",
            hint="A compressed score holds one score and little else; export it once more.",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            return _read_entry(archive, _choose_entry(archive, entries, name, notices), name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise ScoreError(
            "mxl_corrupt", f"The archive {name} is damaged: {_reason(error)}.", hint=_MUSICXML_HINT
        ) from error


def _choose_entry(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], name: str, notices: Notices
) -> zipfile.ZipInfo:
    """The entry that the container names; failing that, the first that looks like a score."""
    by_name = {entry.filename: entry for entry in entries}
    container = by_name.get(_CONTAINER)
    if container is None:
        problem = "The archive has no META-INF/container.xml"
    else:
        target = _container_target(_read_entry(archive, container, name))
        if target in by_name:
            return by_name[target]
        problem = (
            "META-INF/container.xml names no score in the archive" if target else "META-INF/container.xml is broken"
        )
    for entry in entries:
        if entry.filename.lower().endswith(_SCORE_SUFFIXES) and not entry.filename.startswith("META-INF/"):
            notices.add("container_repaired", f"{problem}: its first score is read.")
            return entry
    raise ScoreError("mxl_no_score", f"The archive {name} holds no score.", hint=_MUSICXML_HINT)


def _container_target(container: bytes) -> str:
    """Path of the first MusicXML root file; empty when the container cannot be read."""
    try:
        root = etree.fromstring(container, _parser())
    except etree.XMLSyntaxError:
        return ""
    for rootfile in root.iter("{*}rootfile"):
        if "musicxml" in rootfile.get("media-type", "musicxml"):
            return rootfile.get("full-path", "")
    return ""


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bytes:
    with archive.open(entry) as member:
        data = member.read(MAX_XML_BYTES + 1)
    if len(data) > MAX_XML_BYTES:
        raise ScoreError(
            "score_too_large",
            f"The score inside {name} is larger than {MAX_XML_BYTES // 2**20} MB.",
            hint="Split the score, or leave parts out that are not sung.",
        )
    return data


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".").splitlines()
    return text[0][:120] if text else type(error).__name__


# --- documents --------------------------------------------------------------------------------------------------


def _parser() -> etree.XMLParser:
    # ``collect_ids`` must keep its default: without it libxml2 2.14 tries to load the external DTD.
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        huge_tree=False, remove_comments=True, remove_pis=True, remove_blank_text=True,
    )  # fmt: skip


_TOO_COMPLEX = {etree.ErrorTypes.ERR_RESOURCE_LIMIT, etree.ErrorTypes.ERR_NAME_TOO_LONG}
_BAD_ENCODING = {
    etree.ErrorTypes.ERR_UNKNOWN_ENCODING, etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
    etree.ErrorTypes.ERR_INVALID_ENCODING, etree.ErrorTypes.I18N_CONV_FAILED,
}  # fmt: skip
_ENTITY = {
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY, etree.ErrorTypes.WAR_UNDECLARED_ENTITY,
    etree.ErrorTypes.ERR_ENTITY_LOOP, etree.ErrorTypes.ERR_UNPARSED_ENTITY,
}  # fmt: skip


def _parse(data: bytes, name: str) -> etree._Element:
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        raise _syntax_error(error, data, name) from error
    _refuse_entities(root, name)
    return root


def _syntax_error(error: etree.XMLSyntaxError, data: bytes, name: str) -> ScoreError:
    code: int = getattr(error, "code", 0)
    if b"<!ENTITY" in data or code in _ENTITY:
        return _forbidden_entity(name)
    if code in _TOO_COMPLEX or "XML_PARSE_HUGE" in str(error):
        return _too_complex(name)
    if code in _BAD_ENCODING:
        return ScoreError(
            "score_bad_encoding",
            f"The characters of {name} are not in the encoding that the file declares.",
            hint="Save the score as UTF-8.",
        )
    line = f" in line {error.lineno}" if error.lineno else ""
    said = _XML_PLACE.sub("", _reason(error))
    return ScoreError("score_not_xml", f"{name} is not well-formed XML{line}: {said}.", hint=_XML_HINT)


def _too_complex(name: str) -> ScoreError:
    return ScoreError(
        "score_too_complex",
        f"{name} nests its elements too deeply or holds far too long a text.",
        hint="No notation program writes such a score; export it once more.",
    )


def _forbidden_entity(name: str) -> ScoreError:
    return ScoreError(
        "score_forbidden_entity",
        f"{name} declares or uses XML entities, which a score does not need and Cantilena does not read.",
        hint="Export the score from the notation program once more, or write the characters themselves.",
    )


def _refuse_entities(root: etree._Element, name: str) -> None:
    # ``resolve_entities=False`` does not fail on an entity: the text before it would silently be all there is.
    dtd: Any = root.getroottree().docinfo.internalDTD
    if dtd is not None and next(iter(dtd.iterentities()), None) is not None:
        raise _forbidden_entity(name)
    if next(root.iter(etree.Entity), None) is not None:
        raise _forbidden_entity(name)


def _note_ignored(data: bytes, root: etree._Element, notices: Notices) -> None:
    if b"<?xml-stylesheet" in data[:4096]:
        notices.add("instruction_ignored", "A style sheet that the file names is ignored.")
    if next(root.iter("{http://www.w3.org/2001/XInclude}*"), None) is not None:
        notices.add("include_ignored", "An XInclude element is ignored: nothing outside the file is read.")
    encoding = root.getroottree().docinfo.encoding
    if encoding and not _COMMON_ENCODING.match(encoding):
        notices.add("encoding_unusual", f"The file is written in the unusual encoding {encoding[:40]}.")


def _as_partwise(root: etree._Element, name: str, notices: Notices) -> etree._Element:
    if "}" in str(root.tag):
        tag = etree.QName(root).localname
        if tag.startswith("score-"):
            _strip_namespaces(root)
            notices.add("namespace_ignored", "The XML namespace of the file is ignored: MusicXML has none.")
    tag = etree.QName(root).localname
    if tag == "score-partwise":
        return root
    if tag == "score-timewise":
        notices.add("timewise_converted", "The score is written measure by measure; it was turned part by part.")
        return _timewise_to_partwise(root)
    if tag.lower() == "html":
        raise ScoreError("score_not_xml", f"{name} is a web page, not a score.", hint=_XML_HINT)
    raise ScoreError(
        "score_not_musicxml",
        f"The root of {name} is <{tag[:40]}>, but a MusicXML score begins with <score-partwise> or <score-timewise>.",
        hint=_MUSICXML_HINT,
    )


def _strip_namespaces(root: etree._Element) -> None:
    for element in root.iter("{*}*"):
        element.tag = etree.QName(element).localname


def _timewise_to_partwise(root: etree._Element) -> etree._Element:
    partwise = etree.Element("score-partwise")
    parts: dict[str, etree._Element] = {}
    for child in list(root):
        if child.tag != "measure":
            partwise.append(child)
            continue
        for content in list(child):
            part_id = content.get("id", "")
            if part_id not in parts:
                parts[part_id] = etree.Element("part", id=part_id)
            measure = etree.SubElement(
                parts[part_id], "measure", {str(key): str(value) for key, value in child.attrib.items()}
            )
            measure.extend(list(content))
    partwise.extend(parts.values())
    return partwise
