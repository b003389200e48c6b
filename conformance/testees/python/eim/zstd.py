"""One Zstandard frame (RFC 8878), by whichever library this Python has: `compression.zstd` or `zstandard`; without a dictionary,
or with that of the protocol.

What the libraries are lenient about is checked here, on the frame header and the block headers.
"""

import struct
from importlib import import_module
from typing import Any

from .registry import DATA, LIMITS

_MAGIC = b"\x28\xb5\x2f\xfd"
_WINDOW = 1 << LIMITS["zstd_window_log"]
_DICTIONARY_OCTETS = (0, 1, 2, 4)
_RLE, _RESERVED = 1, 3


def _library() -> Any:
    for name in ("compression.zstd", "zstandard"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


_LIBRARY = _library()
AVAILABLE = _LIBRARY is not None


class Zstd:
    """The algorithm with a dictionary, or with none: b""."""

    def __init__(self, dictionary: bytes) -> None:
        # RFC 8878, section 5: behind the magic number is the id.
        self._id = int.from_bytes(dictionary[4:8], "little")
        self._dictionary = None
        if dictionary and AVAILABLE:
            kind = "ZstdCompressionDict" if _LIBRARY.__name__ == "zstandard" else "ZstdDict"
            self._dictionary = getattr(_LIBRARY, kind)(dictionary)

    def decompress(self, data: bytes, size: int) -> bytes:
        """The octets of exactly one frame; ValueError if it is anything else or does not yield `size` octets."""
        _check_frame(data, size, self._id)
        return _decompress(data, size, self._dictionary)

    def compress(self, data: bytes) -> bytes:
        """EIM-CMP-002, EIM-CMP-027: one frame with a window of at most 2^20 octets, with this dictionary and no other."""
        return _compress(data, self._dictionary)


def _decompress(data: bytes, size: int, dictionary: Any) -> bytes:
    if _LIBRARY.__name__ == "zstandard":
        return _by_zstandard(data, size, dictionary)
    try:
        decoder = _LIBRARY.ZstdDecompressor(zstd_dict=dictionary)
        content = decoder.decompress(data, max_length=size + 1)
        # The checksum is behind the content: one more read makes the library look at it (EIM-CMP-022).
        if not decoder.eof and len(content) <= size:
            content += decoder.decompress(b"", max_length=1)
    except _LIBRARY.ZstdError as fault:
        raise ValueError(str(fault)) from fault
    if not decoder.eof:
        raise ValueError("frame ends early")
    return content


def _by_zstandard(data: bytes, size: int, dictionary: Any) -> bytes:
    try:
        with _LIBRARY.ZstdDecompressor(dict_data=dictionary, max_window_size=_WINDOW).stream_reader(data) as reader:
            content = reader.read(size + 1)
            return content if len(content) > size else content + reader.read(1)
    except _LIBRARY.ZstdError as fault:
        raise ValueError(str(fault)) from fault


def _check_frame(data: bytes, size: int, named: int) -> None:
    """EIM-CMP-016 to EIM-CMP-021, EIM-CMP-029: one frame from the first octet to the last, of this size if it says one, small
    window, no dictionary but the one with the id `named`."""
    if data[:4] != _MAGIC:
        raise ValueError("not a Zstandard frame")
    position = _check_header(data, size, named)
    try:
        last = False
        while not last:
            block = int.from_bytes(struct.unpack_from("<3s", data, position)[0], "little")
            last, kind, octets = bool(block & 1), block >> 1 & 3, block >> 3
            if kind == _RESERVED:
                raise ValueError("reserved block type")
            position += 3 + (1 if kind == _RLE else octets)
    except struct.error as fault:
        raise ValueError("frame ends early") from fault
    checksum = 4 if data[4] & 0x04 else 0
    if position + checksum != len(data):
        raise ValueError("frame ends early, or octets behind it")


def _check_header(data: bytes, size: int, named: int) -> int:
    """Examines the frame header and returns where the blocks begin."""
    if len(data) < 6:
        raise ValueError("frame ends early")
    descriptor = data[4]
    single = bool(descriptor & 0x20)
    position = 5 if single else 6
    dictionary = _DICTIONARY_OCTETS[descriptor & 3]
    if int.from_bytes(data[position : position + dictionary], "little") not in (0, named):
        raise ValueError("names another dictionary")
    position += dictionary
    size_flag = descriptor >> 6
    size_octets = 1 << size_flag if size_flag or single else 0
    # RFC 8878, 3.1.1.1.4. Libraries take the largest number for "unknown".
    stated = int.from_bytes(data[position : position + size_octets], "little") + (256 if size_flag == 1 else 0)
    if size_octets and stated != size:
        raise ValueError("states another size")
    if single:  # RFC 8878, 3.1.1.1.2: then the window is the content.
        window = stated
    else:
        base = 1 << 10 + (data[5] >> 3)
        window = base + base // 8 * (data[5] & 7)
    if window > _WINDOW:
        raise ValueError("window too large")
    return position + size_octets


def _compress(data: bytes, dictionary: Any) -> bytes:
    log = LIMITS["zstd_window_log"]
    if _LIBRARY.__name__ == "zstandard":
        parameters = _LIBRARY.ZstdCompressionParameters.from_level(
            3, window_log=log, write_content_size=False, write_dict_id=False
        )
        return _LIBRARY.ZstdCompressor(dict_data=dictionary, compression_params=parameters).compress(data)
    parameter = _LIBRARY.CompressionParameter
    options = {parameter.compression_level: 3, parameter.window_log: log, parameter.content_size_flag: 0}
    options[parameter.dict_id_flag] = 0
    return _LIBRARY.compress(data, options=options, zstd_dict=dictionary)


PLAIN = Zstd(b"")
DICT_1 = Zstd((DATA / "zstd-dict-1").read_bytes())
