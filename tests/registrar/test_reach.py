"""Tests for ``twisted_router.registrar.reach``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_router.registrar.container import Binding
from twisted_router.registrar.owner import Owner
from twisted_router.registrar.reach import Host, choose_address

V4 = Binding("0.0.0.0", 4000)
V6 = Binding("::", 6000)
ANY = Binding("", 5000)
LOOPBACK = Binding("127.0.0.1", 7000)
LOOPBACK_V6 = Binding("::1", 7600)
INSIDE = Binding("10.0.0.5", 8000)

NODE = Host(Owner("n"), "192.0.2.1")
NODE_V6 = Host(Owner("n"), "2001:db8::1")
NODE_LOOPBACK = Host(Owner("n"), "127.0.0.1")
FIXED = Host(Owner("n"), "192.0.2.1", address_is_fixed=True)
NAMED = Host(Owner("n"), "node.example.com", address_is_fixed=True)
LOCALHOST = Host(Owner("n"), "localhost", address_is_fixed=True)


class ChooseAddressTests(SynchronousTestCase):
    """The address and the port that are registered belong together."""

    def assert_chosen(
        self, expected: tuple[str, int] | None, host: Host, *bindings: Binding
    ) -> None:
        """The same is chosen whatever the order Docker lists them in."""
        self.assertEqual(expected, choose_address(bindings, host))
        self.assertEqual(expected, choose_address(bindings[::-1], host))

    def test_the_ports_of_both_families_differ(self) -> None:
        """The family of the registered address decides (moby#42442)."""
        self.assert_chosen(("192.0.2.1", 4000), NODE, V4, V6)
        self.assert_chosen(("2001:db8::1", 6000), NODE_V6, V4, V6)
        self.assert_chosen(("192.0.2.1", 4000), FIXED, V4, V6)

    def test_published_for_the_other_family_only(self) -> None:
        """Nothing that was registered could be reached."""
        self.assert_chosen(None, NODE, V6)
        self.assert_chosen(None, NODE_V6, V4)

    def test_the_hosts_own_network(self) -> None:
        """Its ports are there on every address."""
        self.assert_chosen(("192.0.2.1", 5000), NODE, ANY)
        self.assert_chosen(("2001:db8::1", 5000), NODE_V6, ANY)

    def test_a_specific_binding_is_registered_as_it_is(self) -> None:
        """It is reached at its own address, not at the node's."""
        self.assert_chosen(("10.0.0.5", 8000), NODE, INSIDE)
        self.assert_chosen(("10.0.0.5", 8000), NODE_V6, INSIDE)

    def test_an_address_given_by_the_operator_wins(self) -> None:
        """It may be what a router outside translates."""
        self.assert_chosen(("192.0.2.1", 8000), FIXED, INSIDE)
        self.assert_chosen(("node.example.com", 8000), NAMED, INSIDE)

    def test_every_address_before_a_specific_one(self) -> None:
        """Who publishes on all of them wants the usual one."""
        self.assert_chosen(("192.0.2.1", 4000), NODE, INSIDE, V4)

    def test_the_registered_address_itself_before_all(self) -> None:
        """A binding to exactly that is the most specific."""
        exact = Binding("192.0.2.1", 4001)
        self.assert_chosen(("192.0.2.1", 4001), NODE, V4, exact, INSIDE)

    def test_loopback_is_reached_from_this_host_alone(self) -> None:
        """So it is registered only where that is all there is."""
        self.assert_chosen(None, NODE, LOOPBACK)
        self.assert_chosen(None, FIXED, LOOPBACK)
        self.assert_chosen(None, NAMED, LOOPBACK)
        self.assert_chosen(("127.0.0.1", 7000), NODE_LOOPBACK, LOOPBACK)
        self.assert_chosen(("localhost", 7000), LOCALHOST, LOOPBACK)

    def test_loopback_of_the_other_family(self) -> None:
        """It can be registered with its own address."""
        self.assert_chosen(("::1", 7600), NODE_LOOPBACK, LOOPBACK_V6)
        self.assert_chosen(("127.0.0.1", 7000), NODE_LOOPBACK, LOOPBACK_V6, LOOPBACK)

    def test_a_fixed_address_of_the_other_family(self) -> None:
        """It does not lead to the binding."""
        self.assert_chosen(None, FIXED, Binding("2001:db8::5", 8000))

    def test_a_name_stands_for_either_family(self) -> None:
        """For IPv4 rather than for IPv6."""
        self.assert_chosen(("node.example.com", 4000), NAMED, V4, V6)
        self.assert_chosen(("node.example.com", 6000), NAMED, V6)

    def test_a_wildcard_is_never_registered(self) -> None:
        """Whatever there is, nobody can connect to 0.0.0.0 from elsewhere."""
        for host in (NODE, NODE_V6, NODE_LOOPBACK, FIXED, NAMED):
            for binding in (V4, V6, ANY):
                chosen = choose_address([binding], host)
                self.assertNotIn(chosen and chosen[0], ("0.0.0.0", "::", ""))

    def test_something_that_is_no_address(self) -> None:
        """It is not guessed at."""
        self.assert_chosen(None, NODE, Binding("eth0", 80))

    def test_no_bindings(self) -> None:
        """Nothing to choose from."""
        self.assert_chosen(None, NODE)
