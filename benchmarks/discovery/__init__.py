"""How long changes in Consul take, and what its failures do: see ``__main__``."""
