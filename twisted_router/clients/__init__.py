"""Every outgoing API call: Consul's and Docker's."""
