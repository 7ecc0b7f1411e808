"""A router with $ROUTER_ROUTES routes, made of the one that $ROUTER_CONFIG has.

Reading 100,000 routes from YAML takes half a minute and leaves the memory of the process
in a state that says little about the routing table.
"""

import os
from dataclasses import replace

from twisted.application.service import Application

from benchmarks.requests import route_hosts
from twisted_router.tap import Options, makeService

options = Options()
options.parseOptions(["--config", os.environ["ROUTER_CONFIG"]])
(route,) = options.config.routes
options.config = replace(
    options.config,
    routes=tuple(
        replace(route, uri=host)
        for host in route_hosts(int(os.environ["ROUTER_ROUTES"]))
    ),
)
application = Application("router")
makeService(options).setServiceParent(application)
