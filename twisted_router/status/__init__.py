"""The status site: health, routes, varz."""
