"""One YAML file to one frozen Config."""
