"""multipart/form-data into files and text fields, by python-multipart's streaming parser, with every limit named.

All of it stays in memory, which the body limit bounds; no temporary file is ever made. A file's own name is read only
to tell a file from a text field, and is used for nothing.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ..errors import BadRequest, InvalidParameter, TooLarge
from ..limits import BodyLimits

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# The parser warns about each broken form; the access log has its line already, and callers could fill the disk with
# more.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=? -]*[A-Za-z0-9'()+_,./:=?-]\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z", re.ASCII)
_LONGEST_DISPOSITION, _MOST_OPTIONS = 4096, 32
"""Characters and semicolons. The parser's time grows with their square."""
_PLAIN_ENCODINGS = frozenset({"7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Form:
    """``files`` in the order in which they came, as (field name, bytes); ``fields`` by name."""

    files: tuple[tuple[str, bytes], ...]
    fields: dict[str, str]


@dataclass(slots=True)
class _Part:
    name: str = ""
    is_file: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)


class _Reader:
    """Collects parts while the parser calls."""

    def __init__(self, limits: BodyLimits, file_fields: Collection[str], long_fields: Collection[str]) -> None:
        self._limits, self._file_fields, self._long_fields = limits, file_fields, long_fields
        self.files: list[tuple[str, bytes]] = []
        self.fields: dict[str, str] = {}
        self.complete = False
        self._part = _Part()
        self._header = (bytearray(), bytearray())

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._header_begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_done,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._part = _Part()

    def _header_begin(self) -> None:
        self._header = (bytearray(), bytearray())

    def _header_end(self) -> None:
        name = self._header[0].decode("latin-1").lower()
        if name in self._part.headers:
            raise BadRequest("A part of the form has a header twice.")
        self._part.headers[name] = self._header[1].decode("latin-1")

    def _headers_done(self) -> None:
        part = self._part
        disposition = part.headers.get("content-disposition", "")
        if len(disposition) > _LONGEST_DISPOSITION or disposition.count(";") > _MOST_OPTIONS:
            raise BadRequest("A part's Content-Disposition is too long.")
        kind, options = parse_options_header(disposition)
        name = options.get(b"name", b"").decode("latin-1")
        if kind != b"form-data" or not _NAME.match(name):
            raise InvalidParameter("Each part of the form needs a plain field name.")
        content = part.headers.get("content-type", "").strip().lower()
        if content.startswith("multipart/"):
            raise InvalidParameter(f"{name}: no form within a form.")
        if part.headers.get("content-transfer-encoding", "binary").strip().lower() not in _PLAIN_ENCODINGS:
            raise InvalidParameter(f"{name}: no Content-Transfer-Encoding; send the bytes as they are.")
        part.name = name
        part.is_file = b"filename" in options or content.startswith(("image/", "application/octet-stream"))
        self._judge(part)

    def _judge(self, part: _Part) -> None:
        """May there be such a part? Asked before its first byte is kept."""
        if part.is_file and part.name not in self._file_fields:
            wanted = ", ".join(sorted(self._file_fields))
            raise InvalidParameter(f"{json.dumps(part.name[:60])} takes no file here; files go into {wanted}.")
        if not part.is_file and part.name in self._file_fields:
            raise InvalidParameter(f"{part.name}: must be a file (curl: {part.name}=@FILE).")
        if part.is_file and len(self.files) >= self._limits.files:
            raise InvalidParameter(f"At most {self._limits.files} file(s) in the form.")
        if not part.is_file and len(self.fields) >= self._limits.fields:
            raise InvalidParameter(f"At most {self._limits.fields} fields in the form.")
        if part.name in self.fields:
            raise InvalidParameter(f"{json.dumps(part.name)} stands twice in the form.")

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.data += data[start:end]
        if len(part.data) > self._most(part):
            raise (
                TooLarge
                if part.is_file or part.name in self._long_fields
                else InvalidParameter(f"{part.name}: longer than {self._limits.field} bytes.")
            )

    def _most(self, part: _Part) -> int:
        if part.is_file:
            return self._limits.picture
        return self._limits.encoded if part.name in self._long_fields else self._limits.field

    def _end(self) -> None:
        part = self._part
        if part.is_file:
            self.files.append((part.name, bytes(part.data)))
            return
        try:
            self.fields[part.name] = part.data.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidParameter(f"{part.name}: not UTF-8 text.") from None

    def _finish(self) -> None:
        self.complete = True


def parse_form(
    pieces: Iterable[bytes],
    boundary: str,
    limits: BodyLimits,
    file_fields: Collection[str] = ("image",),
    long_fields: Collection[str] = ("image_base64",),
) -> Form:
    """The form in ``pieces``. ``long_fields`` may be as long as a picture in base64.

    400 for what is no form (bad boundary, bad or oversized part headers, cut off), 413 for a file over the limit, 422
    for parts that are not due (odd or repeated names, files for text, too many).
    """
    if not 0 < len(boundary) <= limits.boundary or not BOUNDARY.match(boundary):
        raise BadRequest("The multipart boundary is missing or not valid.")
    reader = _Reader(limits, file_fields, long_fields)
    try:
        parser = MultipartParser(
            boundary,
            reader.callbacks(),
            max_header_count=limits.part_headers,
            max_header_size=limits.part_header,
        )
        for piece in pieces:
            parser.write(piece)
    except FormParserError:
        raise BadRequest("The multipart form is not valid.") from None
    if not reader.complete:
        raise BadRequest("The multipart form is cut off.")
    return Form(tuple(reader.files), reader.fields)
