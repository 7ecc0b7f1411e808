"""Real Consul agents and Docker containers for the tests that need them.

``tests/provision`` gets the programs; what is here starts them, waits until they
answer, and takes them away again, whatever the test did.
"""

from tests.services.consul import ConsulAgent
from tests.services.docker import TEST_LABEL, Containers, docker
from tests.services.images import (
    consul_image,
    copy_checkout,
    router_image,
    web_image,
)
from tests.services.needs import (
    TEST_IMAGE,
    docker_endpoint,
    find_consul,
    require_consul,
    require_docker,
)
from tests.services.waiting import (
    TOP,
    Answer,
    ServiceError,
    free_port,
    request,
    run_command,
    running_reactor,
    wait_for,
)

__all__ = [
    "TEST_IMAGE",
    "TEST_LABEL",
    "TOP",
    "Answer",
    "ConsulAgent",
    "Containers",
    "ServiceError",
    "consul_image",
    "copy_checkout",
    "docker",
    "docker_endpoint",
    "find_consul",
    "free_port",
    "request",
    "require_consul",
    "require_docker",
    "router_image",
    "run_command",
    "running_reactor",
    "wait_for",
    "web_image",
]
