"""The indexes of blocking queries, and what moves which."""

from __future__ import annotations


class Indexes:
    """Counts changes, and says for each kind of query when it last had one.

    One rule decides every blocking query: it answers as soon as its index is above
    the one it was asked with. Which change moves which index is Consul 1.8.7's, as
    measured; three of its habits matter to clients:

    * Registering the same again moves the indexes of checks, though nothing changed.
    * The index of a name that no instance has moves with every change of services,
      until a name disappears for the first time; from then on with disappearances.
    * A status moves the index of the service's health, not of its catalog entry.

    Consul also answers some queries about checks though nothing moved for them, and
    forgets to wake those who wait for a name that a service gave up for another one.
    Neither is imitated.

    :ivar last: the index of the change that was begun last.
    :ivar nodes: of ``catalog/nodes``: the node is there from the start.
    :ivar services: of ``catalog/services``.
    :ivar checks: of ``health/state`` and ``health/node``.
    """

    nodes = 1

    def __init__(self) -> None:
        # Never 0: that is what clients send to not wait.
        self.last = 1
        self.services = self.checks = 1
        self._extinction = 0
        self._entry: dict[str, int] = {}
        self._health: dict[str, int] = {}
        self._checks_of: dict[str, int] = {}

    def advance(self) -> int:
        """Begin a change: all that is recorded until the next one has this index."""
        self.last += 1
        return self.last

    def entry(self, name: str) -> int:
        """Index of ``catalog/service/NAME``."""
        return self._entry.get(name) or self._absent

    def health(self, name: str) -> int:
        """Index of ``health/service/NAME``."""
        return self._health.get(name) or self._absent

    def checks_of(self, name: str) -> int:
        """Index of ``health/checks/NAME``."""
        return self._checks_of.get(name) or self.checks

    @property
    def _absent(self) -> int:
        return self._extinction or max(self.nodes, self.services)

    def service_changed(self, name: str) -> None:
        """An instance of ``name`` came, went or was changed; others remain."""
        self.services = self._entry[name] = self._health[name] = self.last

    def service_gone(self, name: str) -> None:
        """The last instance of ``name`` went."""
        self.services = self._extinction = self.last
        self._entry.pop(name, None)
        self._health.pop(name, None)
        self._checks_of.pop(name, None)

    def check_written(self, name: str) -> None:
        """A check was registered again, unchanged.

        :param name: of its service, ``""`` for a check of the node.
        """
        self.checks = self.last
        if name:
            self._checks_of[name] = self.last

    def check_changed(self, name: str) -> None:
        """A check of service ``name`` came, went or was changed."""
        self.check_written(name)
        self._health[name] = self.last

    def node_check_changed(self) -> None:
        """A check of the node came, went or was changed: it counts for everyone."""
        self.check_written("")
        for name in self._health:
            self._health[name] = self.last
