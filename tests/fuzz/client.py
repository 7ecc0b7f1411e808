"""What clients get, held against two other parsers."""

from __future__ import annotations

from typing import Any

from tests.proxy.readers import (
    PART,
    REFUSED,
    WHOLE,
    Reading,
    response_with_h11,
    response_with_llhttp,
)

from .world import ECHO, require

# What an access-log record holds where.
HEAD, STATUS, PEER, AUTHORITY, REQUEST_ID = 0, 2, 5, 6, 7

Record = tuple[Any, ...]


def read_responses(
    sent: bytes, records: list[Record], closed: str, left: bool = False
) -> list[Reading]:
    """The responses that a client finds in what it was sent, 1xx included.

    Both readers must agree, and nothing may be left over. The last one may be broken,
    if anybody can see that: its ``end`` is not ``WHOLE`` then.

    :param records: of the access log: one for each response.
    :param closed: how the connection ended; see the transport in memory.
    :param left: the client left, which may have cost it a response.
    """
    if left:
        records = [record for record in records if record[STATUS] != 499]
    found: list[Reading] = []
    finals = 0
    rest = sent
    while rest:
        record = records[finals] if finals < len(records) else None
        reading = _read(rest, record[HEAD] if record else b"", closed)
        found.append(reading)
        if record is None:
            # A client that leaves may have seen the first of 1xx.
            require(left and 100 <= reading.status < 200, "no record", reading, sent)
            rest = reading.rest
            continue
        if reading.end is not WHOLE:
            require(reading.head_seen, "a part of a head", rest)
            require(closed or left, "an unfinished response, but open", rest)
            finals += 1
            break
        rest = reading.rest
        if reading.status >= 200 or reading.status == 101:
            require(reading.status == record[STATUS], "another status", reading, record)
            for name, value in reading.fields:
                if name == ECHO:
                    require(value == record[REQUEST_ID], "for another", value, record)
            finals += 1
        if reading.status == 101:
            break
    require(finals == len(records), "a record without a response", sent, records)
    return found


def _read(data: bytes, head: bytes, closed: str) -> Reading:
    """One response, as both readers understand it."""
    is_head = head.startswith(b"HEAD ")
    method = b"HEAD" if is_head else b"GET"
    offered = b"any" if data.startswith(b"HTTP/1.1 101 ") else b""
    reading = response_with_h11(data, method, upgrade=offered)
    require(reading.end is not REFUSED, "refused", reading.reason, data)
    message = data[: len(data) - len(reading.rest)]
    other = response_with_llhttp(message)
    require(other.end is not REFUSED, "refused", other.reason, data)
    require(
        (other.head_seen, other.status, other.fields)
        == (reading.head_seen, reading.status, reading.fields),
        "heads differ",
        reading,
        other,
    )
    if is_head and reading.status >= 200:
        return reading
    require(
        (other.end, other.body, other.trailers)
        == (reading.end, reading.body, reading.trailers),
        "bodies differ",
        reading,
        other,
    )
    if reading.end is PART and closed in ("half", "whole"):
        # Only h11 can be told that the connection has ended, and how.
        reading = response_with_h11(data, method, over=True)
    return reading
