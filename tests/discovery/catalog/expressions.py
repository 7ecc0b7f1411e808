"""Expressions of filters, and what Consul 1.8.7 makes of them."""

from __future__ import annotations

from typing import Any

WEB: dict[str, Any] = {
    "ID": "web-1",
    "Service": "web",
    "Tags": ["a", "b"],
    "Address": "",
    "Meta": {"k": "v", "a-b": "1"},
    "Port": 80,
    "Weights": {"Passing": 1, "Warning": 1},
    "EnableTagOverride": False,
}
ENTRY: dict[str, Any] = {
    "Node": {"Node": "dev"},
    "Service": WEB,
    "Checks": [
        {"CheckID": "serfHealth", "Status": "passing", "ServiceTags": []},
        {"CheckID": "c", "Status": "critical", "ServiceTags": ["a"]},
    ],
}

#: Expressions, and whether they let ENTRY pass: as Consul 1.8.7 answered.
MATCHES = {
    "Service.Port == 80": True,
    'Service.Port == "80"': True,
    "Service.Port==80": True,
    "  Service.Port  ==\t80  ": True,
    "Service.Port != 80": False,
    "Service.Port == -80": False,
    "Service.EnableTagOverride == false": True,
    "Service.EnableTagOverride == 0": True,
    "Service.EnableTagOverride != true": True,
    "Service.Service == web": True,
    "Service.Service == `web`": True,
    'Service.Service == "\\x77\\u0065b"': True,
    'Service.Address == ""': True,
    "Service.Service == v.x": False,
    'Service.Service == "é"': False,
    "Service.Weights.Passing == 1": True,
    "Service.Meta.k == v": True,
    'Service.Meta["k"] == v': True,
    "Service.Meta[`a-b`] == 1": True,
    "Service.Meta.k == w": False,
    'Service.Meta.nope == ""': False,
    "Service.Meta.nope != x": True,
    "x in Service.Meta.nope": False,
    "x not in Service.Meta.nope": True,
    "k in Service.Meta": True,
    "Service.Meta contains k": True,
    "Service.Meta not contains k": False,
    "Service.Meta is empty": False,
    "Service.Meta is not empty": True,
    "Service.TaggedAddresses is empty": True,
    "lan in Service.TaggedAddresses": False,
    "Service.TaggedAddresses.lan.Port == 80": False,
    '"a" in Service.Tags': True,
    "Service.Tags contains a": True,
    "c in Service.Tags": False,
    "c not in Service.Tags": True,
    "Service.Tags is not empty": True,
    '"we" in Service.ID': True,
    "Service.ID contains eb": True,
    "Checks.Status == critical": True,
    "Checks.Status != critical": True,
    "not Checks.Status == critical": False,
    "Checks.ServiceTags contains a": True,
    "Checks is empty": False,
    "not Service.Port == 80": False,
    "not not Service.Port == 80": True,
    "not (Service.Port == 1)": True,
    "(((Service.Port == 80)))": True,
    "Service.Port == 1 and Service.Port == 1 or Service.Port == 80": True,
    "Service.Port == 80 or Service.Port == 1 and Service.Port == 1": True,
    "Service.Port == 80 and (Service.Port == 1 or Service.Port == 2)": False,
    "not Service.Port == 1 and Service.Port == 80": True,
}

#: Expressions that cannot be read, and where; the places are Consul 1.8.7's.
UNREADABLE = {
    "a": "1:2 (1)",
    "Service.Port ==": "1:16 (15)",
    "Service.Port == 80)": "1:19 (18)",
    "((": "1:3 (2)",
    "(Service.Port == 80": "1:20 (19)",
    "Service.Meta.k-x == v": "1:15 (14)",
    "Service.Meta.k == v-x": "1:20 (19)",
    "Service.Port==80 AND Service.Port==80": "1:18 (17)",
    "(Service.Port==80)and(Service.Port==80)": "1:19 (18)",
    "/Service/Port == 80": "1:1 (0)",
    '"v" == Service.Meta.k': "1:5 (4)",
    "Service.Port > 80": "1:14 (13)",
    'Service.ID == "a\nb"': "1:15 (14)",
    'Service.ID == "\\q"': "1:15 (14)",
    "Service.ID == é": "1:15 (14)",
    "Service.Tags is full": "1:17 (16)",
    "Service.ID == a Service.ID": "1:17 (16)",
}

#: Expressions about what there is not.
UNFIT = {
    "Status == passing": 'Selector "Status" is not valid',
    "Service.Meta.k.x == v": 'Selector "Service.Meta.k.x" is not valid',
    "Service.port == 80": 'Selector "Service.port" is not valid',
    "Node.CreateIndex == 1": 'Selector "Node.CreateIndex" is not valid',
    "Service == web": 'Invalid match operator "Equal" for selector "Service"',
    "Service.Tags == a": 'Invalid match operator "Equal" for selector "Service.Tags"',
    "Service.Meta == a": 'Invalid match operator "Equal" for selector "Service.Meta"',
    "Service.Meta.k is not empty": 'Invalid match operator "Is Not Empty" for '
    'selector "Service.Meta.k"',
    "Service.Port is empty": 'Invalid match operator "Is Empty" for selector '
    '"Service.Port"',
    "1 not in Service.Port": 'Invalid match operator "Not In" for selector '
    '"Service.Port"',
    "a in Checks": 'Invalid match operator "In" for selector "Checks"',
    "Service.Port == abc": 'Failed to coerce value "abc" for selector "Service.Port": '
    'strconv.ParseInt: parsing "abc": invalid syntax',
    "Service.EnableTagOverride == no": 'Failed to coerce value "no" for selector '
    '"Service.EnableTagOverride": strconv.ParseBool: parsing "no": invalid syntax',
    "Service.Port == 80 or Bogus == x": 'Selector "Bogus" is not valid',
}
