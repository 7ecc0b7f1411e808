"""Checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted_router.config.schema import DockerConfig

from .case import ABSENT, Case, Differs, OnlyOurs, Same, inspected, service

_NO_META = "what is about the check is of no use to who reads the service"
_WHERE = "192.0.2.1:32768"
_WAS = {"Interval": "10s"}


def _case(
    rule: str,
    attributes: str,
    check: Mapping[str, Any] | None,
    *differences: Differs,
    notes: tuple[str, ...] = (),
) -> Case:
    """A container with one port and these attributes, of the form ``kind=value``."""
    given = dict(each.split("=", 1) for each in attributes.split("; "))
    env = [f"SERVICE_CHECK_{key}={value}" for key, value in given.items()]
    meta = {f"check_{key.lower()}": value for key, value in given.items()}
    no_meta = Differs("Meta", {}, _NO_META)
    theirs = service(meta=meta, check=check)
    return Case(
        rule, inspected(*env), (Same(theirs, (no_meta, *differences)),), notes=notes
    )


CHECKS = (
    _case("HTTP", "HTTP=/up", {"HTTP": f"http://{_WHERE}/up", **_WAS}),
    _case(
        "HTTP with all that goes with it",
        "HTTP=/up; HTTP_METHOD=HEAD; INTERVAL=5s; TIMEOUT=1s; INITIAL_STATUS=passing; "
        "DEREGISTER_AFTER=10m",
        {
            "HTTP": f"http://{_WHERE}/up",
            "Method": "HEAD",
            "Interval": "5s",
            "Timeout": "1s",
            "Status": "passing",
            "DeregisterCriticalServiceAfter": "10m",
        },
    ),
    _case(
        "a path without a slash",
        "HTTP=up",
        {"HTTP": f"http://{_WHERE}up", **_WAS},
        Differs("Check.HTTP", f"http://{_WHERE}/up", "or it belongs to the port"),
    ),
    _case(
        "HTTPS",
        "HTTPS=/up; HTTPS_METHOD=HEAD",
        {"HTTP": f"https://{_WHERE}/up", "Method": "HEAD", **_WAS},
    ),
    _case(
        "HTTPS without verifying",
        "HTTPS=/; TLS_SKIP_VERIFY=true",
        {"HTTP": f"https://{_WHERE}/", **_WAS},
        Differs("Check.TLSSkipVerify", True, "what is asked for is done"),
    ),
    _case("TCP", "TCP=true; TIMEOUT=2s", {"TCP": _WHERE, **_WAS, "Timeout": "2s"}),
    _case("gRPC", "GRPC=1", {"GRPC": _WHERE, **_WAS}),
    _case(
        "gRPC over TLS",
        "GRPC=1; GRPC_USE_TLS=1; TLS_SKIP_VERIFY=1",
        {"GRPC": _WHERE, "GRPCUseTLS": True, "TLSSkipVerify": True, **_WAS},
    ),
    _case(
        "a script",
        "SCRIPT=nc -z $SERVICE_IP $SERVICE_PORT",
        {"Args": ["nc -z 192.0.2.1 32768"], **_WAS},
        Differs(
            "Check.Args",
            ["/bin/sh", "-c", "nc -z 192.0.2.1 32768"],
            "no program has a name with blanks: a shell takes it apart",
        ),
    ),
    _case(
        "a script with a time limit",
        "SCRIPT=true; TIMEOUT=1s",
        {"Args": ["true"], **_WAS},
        Differs("Check.Args", ["/bin/sh", "-c", "true"], "as above"),
        Differs("Check.Timeout", "1s", "what is asked for is done"),
    ),
    _case(
        "a command for check-cmd",
        "CMD=true",
        {"Args": ["check-cmd", "000000000001", "80", "true"], **_WAS},
    ),
    _case("TTL", "TTL=30s; INTERVAL=5s", {"TTL": "30s"}),
    _case(
        "the first of several",
        "GRPC=1; TCP=1; TTL=9s; SCRIPT=a; CMD=b; HTTPS=/s; HTTP=/h",
        {"HTTP": f"http://{_WHERE}/h", **_WAS},
    ),
    _case("nothing to check", "INTERVAL=5s", None),
    _case(
        "a status that Consul does not know",
        "TCP=1; INITIAL_STATUS=good",
        {"TCP": _WHERE, **_WAS, "Status": "good"},
        Differs("Check.Status", ABSENT, "Consul refuses registrator's"),
        notes=("SERVICE_CHECK_INITIAL_STATUS is not heeded",),
    ),
    _case(
        "a time that Consul does not take",
        "TCP=1; INTERVAL=often",
        {"TCP": _WHERE, "Interval": "often"},
        Differs("Check.Interval", "10s", "Consul refuses registrator's"),
        notes=("SERVICE_CHECK_INTERVAL is not heeded",),
    ),
    Case(
        "an IPv6 address",
        inspected("SERVICE_CHECK_TCP=1", ports={"80/tcp": [("::", "8080")]}),
        (
            Same(
                service(
                    8080,
                    address="2001:db8::1",
                    meta={"check_tcp": "1"},
                    check={"TCP": "2001:db8::1:8080", **_WAS},
                ),
                (
                    Differs("Meta", {}, _NO_META),
                    Differs("Check.TCP", "[2001:db8::1]:8080", "or it ends nowhere"),
                ),
            ),
        ),
        flags="-ip 2001:db8::1",
        config=DockerConfig(ip="2001:db8::1"),
    ),
    Case(
        "a HEALTHCHECK of the image's",
        inspected(health="starting"),
        (
            Same(
                service(),
                (
                    Differs(
                        "Checks",
                        [
                            {
                                "CheckID": "service:node-1:web:80:health",
                                "Name": "Docker's health check",
                                "TTL": "87600h",
                                "Status": "critical",
                            }
                        ],
                        "no requests before it is healthy",
                    ),
                ),
            ),
        ),
    ),
    Case(
        "a HEALTHCHECK of the image's, and a check for Consul",
        inspected("SERVICE_CHECK_TTL=9s", health="healthy"),
        (
            Same(
                service(meta={"check_ttl": "9s"}, check={"TTL": "9s"}),
                (Differs("Meta", {}, _NO_META),),
            ),
        ),
    ),
    Case(
        "a check that takes more than Meta has room for",
        inspected("SERVICE_CHECK_SCRIPT=" + "x" * 513),
        (
            OnlyOurs(
                service(check={"Args": ["/bin/sh", "-c", "x" * 513], **_WAS}),
                "Consul refuses registrator's, for its Meta",
            ),
        ),
    ),
)
