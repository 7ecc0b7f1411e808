"""From running containers to registrations in Consul."""
