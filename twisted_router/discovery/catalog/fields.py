"""What a filter may name: the fields of each answer that Consul 1.8.7 filters.

A field is a reader of text (:data:`TEXT`, :data:`WHOLE`, :data:`FLAG`), a mapping of
field names, or one of the two containers below. Indexes are not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value.

    :ivar kind: the type of its JSON.
    """

    kind: type[str] | type[int] | type[bool]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list: what is asked of its elements is true if it is for any of them."""

    element: Field


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object whose keys are data."""

    element: Field


Fields: TypeAlias = Mapping[str, Any]
Field: TypeAlias = Scalar | ListOf | MapOf | Fields

TEXT, WHOLE, FLAG = Scalar(str), Scalar(int), Scalar(bool)

_ADDRESSES = MapOf({"Address": TEXT, "Port": WHOLE})
_WEIGHTS = {"Passing": WHOLE, "Warning": WHOLE}

#: Of ``health/checks``, ``health/node``, ``health/state`` and ``agent/checks``.
CHECK: Fields = {
    "Node": TEXT,
    "CheckID": TEXT,
    "Name": TEXT,
    "Status": TEXT,
    "Notes": TEXT,
    "Output": TEXT,
    "ServiceID": TEXT,
    "ServiceName": TEXT,
    "ServiceTags": ListOf(TEXT),
    "Type": TEXT,
}

#: Of ``catalog/nodes``.
NODE: Fields = {
    "ID": TEXT,
    "Node": TEXT,
    "Address": TEXT,
    "Datacenter": TEXT,
    "TaggedAddresses": MapOf(TEXT),
    "Meta": MapOf(TEXT),
}

#: Of ``agent/services``.
SERVICE: Fields = {
    "ID": TEXT,
    "Service": TEXT,
    "Tags": ListOf(TEXT),
    "Address": TEXT,
    "TaggedAddresses": _ADDRESSES,
    "Meta": MapOf(TEXT),
    "Port": WHOLE,
    "Weights": _WEIGHTS,
    "EnableTagOverride": FLAG,
}

#: Of ``health/service``.
HEALTH: Fields = {"Node": NODE, "Service": SERVICE, "Checks": ListOf(CHECK)}

#: Of ``catalog/service``.
CATALOG_SERVICE: Fields = {
    "ID": TEXT,
    "Node": TEXT,
    "Address": TEXT,
    "Datacenter": TEXT,
    "TaggedAddresses": MapOf(TEXT),
    "NodeMeta": MapOf(TEXT),
    "ServiceID": TEXT,
    "ServiceName": TEXT,
    "ServiceTags": ListOf(TEXT),
    "ServiceAddress": TEXT,
    "ServiceTaggedAddresses": _ADDRESSES,
    "ServiceWeights": _WEIGHTS,
    "ServiceMeta": MapOf(TEXT),
    "ServicePort": WHOLE,
    "ServiceEnableTagOverride": FLAG,
}
