"""Tests for ``twisted_router.registrar.survey``: what is ours, and what may go."""

from __future__ import annotations

from tests.registrar.support import INTERVAL_S, RegistrarTestCase
from twisted_router.config.schema import DockerConfig
from twisted_router.registrar.meta import CONTAINER, ENGINE, HOST, OWNER


class OrphanTests(RegistrarTestCase):
    """What an earlier run has left."""

    def test_of_this_node_and_of_this_engine(self) -> None:
        """They are removed; those of others are not."""
        other = {OWNER: "node-2", ENGINE: "other", CONTAINER: "c1"}
        for service_id, meta in (
            ("same-node", {OWNER: "node-1", CONTAINER: "c1"}),
            ("renamed-node", {OWNER: "node-0", ENGINE: "ABCD:EFGH"}),
            ("another's", other),
            ("by-hand", {}),
        ):
            self.agent.register({"ID": service_id, "Name": "x", "Meta": meta})
        self.start()
        self.assertEqual(["another's", "by-hand"], self.ids())

    def test_two_hosts_that_register_with_one_agent(self) -> None:
        """They take its name for their own, and let each other's services be."""
        theirs = {OWNER: "node-1", ENGINE: "other", HOST: "host-2", CONTAINER: "c1"}
        self.agent.register({"ID": "node-1:db:1", "Name": "x", "Meta": theirs})
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual(["node-1:db:1", "node-1:web:80"], self.ids())

    def test_an_engine_that_has_lost_its_id(self) -> None:
        """What it has registered before goes, with the containers that it had."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.stop()
        self.engine.remove("web")
        self.engine.engine_id = "WXYZ"
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual([], self.ids())

    def test_a_renamed_node(self) -> None:
        """What runs goes by the new name, then no longer by the old one."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.stop()
        self.written()
        self.agent.node = "node-9"
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual(
            ["register node-9:web:80", "deregister node-1:web:80"], self.written()
        )

    def test_a_container_that_was_renamed_meanwhile(self) -> None:
        """Nobody has told of it; its old ID goes when the new one is there."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.stop()
        self.written()
        self.engine.rename("web", "shop")
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual(
            ["register node-1:shop:80", "deregister node-1:web:80"], self.written()
        )

    def test_two_containers_that_swap_their_names(self) -> None:
        """Each has the other's ID then, and its own port."""
        for name in ("a", "b"):
            self.engine.run(name, publish=["80"])
        self.start()
        ports = {key: each["Port"] for key, each in self.agent.services.items()}
        for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
            self.engine.rename(old, new)
        self.settle()
        swapped = {key: each["Port"] for key, each in self.agent.services.items()}
        self.assertEqual(
            {
                "node-1:a:80": ports["node-1:b:80"],
                "node-1:b:80": ports["node-1:a:80"],
            },
            swapped,
        )


class NoCleanupTests(RegistrarTestCase):
    """``cleanup: false``, which is registrator's default."""

    config = DockerConfig(cleanup=False)

    def test_only_what_died_before_our_eyes_goes(self) -> None:
        """What an earlier run has left stays, until its ID is needed."""
        meta = {OWNER: "node-1", CONTAINER: "c0"}
        for service_id in ("gone", "node-1:web:80"):
            self.agent.register({"ID": service_id, "Name": "x", "Meta": meta})
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual(["gone", "node-1:web:80"], self.ids())
        self.assertEqual("nginx", self.agent.services["node-1:web:80"]["Service"])
        self.engine.die("web")
        self.settle()
        self.assertEqual(["gone"], self.ids())

    def test_a_renamed_container_leaves_nothing(self) -> None:
        """It runs: what it had is no leftover of an earlier run."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.rename("web", "shop")
        self.settle()
        self.assertEqual(["node-1:shop:80"], self.ids())


class OnSuccessTests(RegistrarTestCase):
    """``deregister: on-success``."""

    config = DockerConfig(deregister="on-success")

    def ids_after(self, exit_code: int) -> list[str]:
        """What is registered after a container has ended so."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.die("web", exit_code)
        self.settle()
        return self.ids()

    def test_a_container_that_is_done(self) -> None:
        """Its service goes."""
        self.assertEqual([], self.ids_after(0))

    def test_a_container_that_failed(self) -> None:
        """Its service stays, until the container is removed."""
        self.assertEqual(["node-1:web:80"], self.ids_after(1))
        self.engine.remove("web")
        self.settle()
        self.clock.advance(40)
        self.assertEqual([], self.ids())

    def test_containers_that_ended_while_nobody_looked(self) -> None:
        """The next run asks how."""
        for name in ("done", "failed"):
            self.engine.run(name, publish=["80"])
        self.start()
        self.stop()
        self.engine.die("done", 0)
        self.engine.die("failed", 1)
        self.registrar = self.make_registrar()
        self.start()
        self.assertEqual(["node-1:failed:80"], self.ids())

    def test_one_that_was_stopped_by_force(self) -> None:
        """Not its own fault: ``docker kill``, or a stop that took too long."""
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.kill("web")
        self.settle()
        self.assertEqual([], self.ids())

    def test_a_container_that_failed_and_starts_again(self) -> None:
        """Its service is what it should be again; registrator leaves the old port."""
        self.ids_after(1)
        self.engine.start("web")
        self.settle()
        self.assertEqual(32770, self.agent.services["node-1:web:80"]["Port"])


class AdoptionTests(RegistrarTestCase):
    """``adopt``: after registrator."""

    config = DockerConfig(adopt=True)

    def left(self, service_id: str, port: int, address: str = "192.0.2.1") -> None:
        """What registrator has registered."""
        self.agent.register(
            {"ID": service_id, "Name": "nginx", "Address": address, "Port": port}
        )

    def test_the_same_id_is_taken_over(self) -> None:
        """It has our marks then."""
        self.left("node-1:web:80", 32768)
        self.engine.run("web", publish=["80"])
        self.start()
        meta = self.agent.services["node-1:web:80"]["Meta"]
        self.assertEqual("node-1", meta[OWNER])

    def test_an_id_with_another_host_name_goes_after_ours_is_there(self) -> None:
        """Registrator has its container's id there, unless told otherwise."""
        self.left("3f2a9c:web:80", 32768)
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual(
            ["register node-1:web:80", "deregister 3f2a9c:web:80"], self.written()
        )

    def test_what_has_another_place_stays(self) -> None:
        """It may be another host's, whose registrator has the same agent."""
        self.left("3f2a9c:web:80", 32768, address="192.0.2.2")
        self.left("3f2a9c:db:80", 32768)
        self.left("web", 32768)
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual(
            ["3f2a9c:db:80", "3f2a9c:web:80", "node-1:web:80", "web"], self.ids()
        )

    def test_what_was_taken_over_is_like_any_other(self) -> None:
        """It goes with its container, and needs no second write."""
        self.left("node-1:web:80", 32768)
        self.engine.run("web", publish=["80"])
        self.start()
        self.written()
        self.clock.pump([INTERVAL_S] * 3)
        self.assertEqual([], self.written())
        self.engine.die("web")
        self.settle()
        self.assertEqual([], self.ids())

    def test_a_container_that_is_renamed_after_that(self) -> None:
        """Its new ID, and nothing of registrator's."""
        self.left("3f2a9c:web:80", 32768)
        self.engine.run("web", publish=["80"])
        self.start()
        self.engine.rename("web", "shop")
        self.settle()
        self.assertEqual(["node-1:shop:80"], self.ids())

    def test_what_another_registrar_has_marked_is_not_taken_over(self) -> None:
        """Only what bears nobody's mark."""
        self.left("node-1:web:80", 32768)
        marks = {OWNER: "node-2", CONTAINER: "c1"}
        self.agent.services["node-1:web:80"]["Meta"] = marks
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual([], self.written())

    def test_nothing_is_taken_over_unless_told(self) -> None:
        """The default: what others have registered is left alone."""
        self.config = DockerConfig()
        self.registrar = self.make_registrar()
        self.left("node-1:web:80", 1)
        self.left("3f2a9c:web:80", 32768)
        self.engine.run("web", publish=["80"])
        self.start()
        self.assertEqual([], self.written())
