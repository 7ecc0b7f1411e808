"""``routerctl``: routes registered by hand and by programs, and a router's own view."""
