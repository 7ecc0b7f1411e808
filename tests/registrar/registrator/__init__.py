"""gliderlabs/registrator and we, container by container: what is the same, what not."""
