"""Decompressing a file's bytes at once: nibabel's own way through gzip takes several times as long."""

from __future__ import annotations

import struct

import deflate
from isal import igzip, isal_zlib

GZIP = b"\x1f\x8b"
MOST = 1032  # bytes that one byte can stand for
DAMAGED = (isal_zlib.error, EOFError, OSError, MemoryError)
"""What `gunzip` raises of data that is cut off or damaged."""


def gunzip(data: bytes) -> bytes | bytearray:
    """All that was compressed, also in several pieces one after another; what follows them is passed over.

    Example:
        >>> import gzip
        >>> bytes(gunzip(gzip.compress(b"one ") + gzip.compress(b"two")))
        b'one two'
    """
    # libdeflate takes four fifths of isal's time, but reads one piece and does not tell whether there are more. The
    # last bytes do: they are the sum and the length of the last piece, which then is the one that was read.
    total, size = struct.unpack("<II", data[-8:].rjust(8, b"\0"))
    try:
        found = deflate.gzip_decompress(data, min(size, MOST * len(data))) if size else b""
        if size and len(found) == size and deflate.crc32(found) == total:
            return found
    except (deflate.DeflateError, MemoryError):
        pass  # whether it is damaged or only unusual, isal tells
    # Memory is taken once: plus one, or a piece of that length looks cut.
    piece = isal_zlib.decompressobj(31)
    found = piece.decompress(data, min(size + 1, MOST * len(data)))
    if piece.eof and not piece.unused_data.lstrip(b"\0").startswith(GZIP):
        return found
    return igzip.decompress(data)  # some tools compress in pieces, one after another
