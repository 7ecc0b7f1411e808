"""What is done to messages to break them: pure, so that any source can choose."""

from __future__ import annotations

from collections.abc import Callable

#: Pieces that make or break a grammar, put in or over something else.
PIECES = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\r\r\n", b"\x00", b"\x0b", b"\x0c",
    b"\x7f", b"\x80", b"\xff", b"\xc2\xa0", b" ", b"\t", b":", b",", b";", b"=", b'"',
    b"\\", b"/", b"?", b"#", b"%", b"@", b"[", b"]", b"*", b"-", b"+", b"_", b"0", b"1",
    b"f", b"0x", b"-1", b"1e1", b"00000000000000000001", b"18446744073709551616",
    b"9223372036854775807", b"999999999999999999", b"ffffffffffffffff", b"7fffffff",
    b"10000000000000000", b"chunked", b"identity", b"gzip", b"close", b"keep-alive",
    b"upgrade", b"trailers", b"100-continue", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0",
    b"HEAD ", b"GET ", b"http://", b"\r\n ", b"\r\n\t", b"0\r\n\r\n", b"5\r\nhello\r\n",
    b"\r\nContent-Length: 5", b"\r\nContent-Length: 0",
    b"\r\nTransfer-Encoding: chunked", b"\r\nConnection: close",
    b"GET /in HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
)  # fmt: skip

Edit = Callable[[bytes, int, int, bytes], bytes]

# Each takes the data, a position in it, a number and a piece, and uses what it needs.


def insert(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Put ``piece`` in."""
    return data[:at] + piece + data[at:]


def overwrite(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Put ``piece`` over what is there."""
    return data[:at] + piece + data[at + len(piece) :]


def delete(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Take a few bytes out."""
    return data[:at] + data[at + 1 + number % 8 :]


def flip(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Flip a bit."""
    if at >= len(data):
        return data
    return data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :]


def replace_byte(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Set a byte to any value."""
    return data[:at] + bytes([number % 256]) + data[at + 1 :]


def duplicate_line(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Repeat the line at the position."""
    start, end = _line(data, at)
    return data[:end] + data[start:end] + data[end:]


def delete_line(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Take the line at the position out."""
    start, end = _line(data, at)
    return data[:start] + data[end:]


def swap_lines(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Exchange the line at the position with the one behind it."""
    start, middle = _line(data, at)
    end = _line(data, middle)[1]
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def change_line_end(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Give the line at the position another end."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return data
    ends = (b"\n", b"\r", b"\n\r", b"\r\r\n", b" \r\n", b"\r\n ", b"\r\n\r\n", b"")
    return data[:end] + ends[number % len(ends)] + data[end + 2 :]


def change_number(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Make the next digit another one."""
    for index in range(at, min(at + 200, len(data))):
        if 0x30 <= data[index] <= 0x39:
            return data[:index] + b"%d" % (number % 12) + data[index + 1 :]
    return data


def change_case(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Change the case of a few letters."""
    end = at + 1 + number % 16
    return data[:at] + data[at:end].swapcase() + data[end:]


def cut_off(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """End there."""
    return data[:at]


def repeat(data: bytes, at: int, number: int, piece: bytes) -> bytes:
    """Repeat a stretch a few times."""
    stretch = data[at : at + 1 + number % 64]
    return data[:at] + stretch * (2 + number % 7) + data[at + len(stretch) :]


EDITS: tuple[Edit, ...] = (
    insert, insert, overwrite, delete, flip, replace_byte, duplicate_line, delete_line,
    swap_lines, change_line_end, change_number, change_case, cut_off, repeat,
)  # fmt: skip


def _line(data: bytes, at: int) -> tuple[int, int]:
    """Where the line at ``at`` starts, and where the next one does."""
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at) + 1
    return start, end or len(data)
