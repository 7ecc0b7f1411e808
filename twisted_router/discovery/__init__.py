"""Where facts come from: Consul, the configuration file."""
