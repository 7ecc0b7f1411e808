"""Tell twistd where the router's options and services are."""

from twisted.application.service import ServiceMaker

router = ServiceMaker(
    "twisted_router",
    "twisted_router.tap",
    "Reverse proxy with routes from Consul, and a registrar for Docker containers.",
    "router",
)
