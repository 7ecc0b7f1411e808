"""Facts as a file: its format, written whole or not at all, believed only if whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..interfaces import RouterError
from ..model import Instance, Status, Weights

# Note [The format]
# Lines of JSON. The first is the header: what this is, in which version, and length
# and SHA-256 of all that follows it. Then one line for each service,
#   ["web", [[id, address, port, node, status, tags, meta, [passing, warning]], ...]]
# by name, so that the same facts make the same file. The modification time tells when
# the facts were confirmed last: it moves while the content need not be written again.

_FORMAT = "twisted_router facts"
_VERSION = 1

#: Bytes of a file that are read at most; 10,000 instances are about 3 MB.
MAX_BYTES = 256 * 1024 * 1024

_MODE = 0o600


class FactsFileError(RouterError):
    """A file cannot be used; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file holds.

    :ivar confirmed_at_s: when its facts were confirmed last, since the epoch.
    """

    services: Mapping[str, tuple[Instance, ...]]
    confirmed_at_s: float


def encode_service(name: str, instances: Sequence[Instance]) -> bytes:
    """One line of the file."""
    rows = [
        (
            i.id,
            i.address,
            i.port,
            i.node,
            i.status.value,
            i.tags,
            dict(i.meta),
            (i.weights.passing, i.weights.warning),
        )
        for i in instances
    ]
    text = json.dumps((name, rows), separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def write_facts(
    path: str, origin: str, lines: Iterable[bytes], confirmed_at_s: float
) -> int:
    """Replace a file by one with these lines, so that no crash leaves half of it.

    Blocks for as long as the disk takes; the rest is quick.

    :param origin: whose facts these are; the reader has to name the same.
    :returns: the size of the file in bytes.
    :raises OSError: it could not be written; what was there is still there.
    """
    body = b"".join(lines)
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "origin": origin,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    content = json.dumps(header).encode("ascii") + b"\n" + body
    beside = f"{path}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(beside, flags, _MODE)
    try:
        with open(fd, "wb") as file:
            os.fchmod(fd, _MODE)  # whoever made it
            file.write(content)
            file.flush()
            os.utime(fd, (confirmed_at_s, confirmed_at_s))
            os.fsync(fd)
        os.rename(beside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(beside)
        raise
    _sync_folder(path)
    return len(content)


def touch_facts(path: str, confirmed_at_s: float) -> None:
    """Note that the facts in a file were confirmed once more.

    :raises OSError: it is not there, or not ours.
    """
    os.utime(path, (confirmed_at_s, confirmed_at_s))


def read_facts(path: str, origin: str) -> Stored:
    """What a file holds, all of it.

    :raises FileNotFoundError: there is none.
    :raises FactsFileError: it cannot be read, is damaged, of another program, of a
        later version of this one, or has the facts of another origin.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
            confirmed_at_s = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FactsFileError(f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise FactsFileError(f"is larger than {MAX_BYTES} bytes")
    first, _, body = content.partition(b"\n")
    _check_header(first, body, origin)
    try:
        services = dict(map(_decode_service, body.splitlines()))
    except (ValueError, TypeError, KeyError) as error:
        raise FactsFileError(f"holds a service that is none: {error}") from error
    return Stored(services, confirmed_at_s)


def _check_header(first: bytes, body: bytes, origin: str) -> None:
    try:
        header = json.loads(first)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise FactsFileError("is no file of this program")
    version = header.get("version")
    if version != _VERSION:
        raise FactsFileError(f"is of version {version!r}, only {_VERSION} is known")
    if header.get("origin") != origin:
        raise FactsFileError(f"is of {header.get('origin')!r} and not of {origin!r}")
    if header.get("bytes") != len(body):
        said = f"{len(body)} bytes instead of {header.get('bytes')!r}"
        raise FactsFileError(f"is damaged: {said}")
    if header.get("sha256") != hashlib.sha256(body).hexdigest():
        raise FactsFileError("is damaged: its checksum is another one")


def _decode_service(line: bytes) -> tuple[str, tuple[Instance, ...]]:
    name, rows = json.loads(line)
    return name, tuple(_instance(name, *row) for row in rows)


def _instance(
    service: str,
    id: str,
    address: str,
    port: int,
    node: str,
    status: str,
    tags: list[str],
    meta: dict[str, str],
    weights: Sequence[int],
) -> Instance:
    more: dict[str, Any] = {"meta": meta} if meta else {}
    return Instance(
        service=service,
        id=id,
        address=address,
        port=port,
        node=node,
        status=Status(status),
        tags=tuple(tags),
        weights=Weights(*weights),
        **more,
    )


def _sync_folder(path: str) -> None:
    """Let the new name survive a loss of power as well."""
    fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
