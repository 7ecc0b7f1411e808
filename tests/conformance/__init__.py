"""RFC 9110 and RFC 9112 as they bind an intermediary, rule by rule."""
