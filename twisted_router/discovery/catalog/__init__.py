"""A small catalog inside the process: the part of Consul's HTTP API used here.

For development and tests: in memory, one node, no cluster and no ACLs.
"""
