"""The embedded catalog: the part of Consul's API needed on one machine."""
