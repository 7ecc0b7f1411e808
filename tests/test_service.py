"""Tests of twisted_router.service."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import resource
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_router import service
from twisted_router.interfaces import RouterError
from twisted_router.service import (
    ClosingService,
    RouterService,
    raise_open_files_limit,
)


class _Reactor(Clock):
    """Runs what another thread asks for when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Callable[[], None]] = []
        self.when_running: list[Callable[[], object]] = []
        self.stops = 0

    def callFromThread(self, call: Callable[[], None]) -> None:  # noqa: N802
        self.asked.append(call)

    def callWhenRunning(self, call: Any, *args: Any) -> None:  # noqa: N802
        self.when_running.append(partial(call, *args))

    def stop(self) -> None:
        self.stops += 1


class RouterServiceTests(SynchronousTestCase):
    """Parts start in order; one that cannot ends the process with a reason."""

    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)

    def test_it_says_when_everything_has_started(self) -> None:
        order: list[str] = []

        class Part(Service):
            def startService(self) -> None:
                order.append("part")

        router = RouterService(_Reactor(), started=lambda: order.append("started"))
        Part().setServiceParent(router)
        router.startService()
        self.assertEqual(["part", "started"], order)

    def test_a_part_that_cannot_start_is_named(self) -> None:
        for error in (
            CannotListenError("127.0.0.1", 80, OSError("taken")),
            RouterError("access_log.file: cannot open"),
        ):

            class Part(Service):
                reason = error

                def startService(self) -> None:
                    raise self.reason

            router = RouterService(_Reactor())
            Part().setServiceParent(router)
            exit_ = self.assertRaises(SystemExit, router.startService)
            self.assertEqual(f"twisted_router: {error}", exit_.code)

    def test_hang_up_reopens_log_files_in_the_reactors_own_time(self) -> None:
        reactor, reopened = _Reactor(), []
        router = RouterService(reactor, reopen=[lambda: reopened.append(1)])
        router.startService()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual([], reopened)
        (call,) = reactor.asked
        call()
        self.assertEqual([1], reopened)

    def test_hang_up_ends_only_what_a_person_has_started(self) -> None:
        for in_a_terminal, handled in ((True, False), (False, True)):
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            self.patch(service, "_in_a_terminal", lambda here=in_a_terminal: here)
            RouterService(_Reactor()).startService()
            handler = signal.getsignal(signal.SIGHUP)
            self.assertEqual(handled, handler != signal.SIG_DFL)

    def test_terminate_stops_the_reactor_whose_own_handler_gives_way(self) -> None:
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        reactor = _Reactor()
        RouterService(reactor).startService()
        signal.signal(signal.SIGTERM, lambda *args: self.fail("the reactor's own"))
        for call in reactor.when_running:
            call()
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual(0, reactor.stops)
        reactor.asked.pop()()
        self.assertEqual(1, reactor.stops)

        os.kill(os.getpid(), signal.SIGTERM)
        reactor.asked.pop()()
        self.assertEqual(1, reactor.stops)

    def test_as_many_files_may_be_open_as_the_system_lets_us(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1000), hard))
        raise_open_files_limit()
        self.assertEqual((hard, hard), resource.getrlimit(resource.RLIMIT_NOFILE))


class FailTests(SynchronousTestCase):
    """A process that gives up tells whoever has started it."""

    def test_it_stops_and_leaves_with_status_1(self) -> None:
        """Also while it is stopping for another reason."""
        at_exit: list[Callable[[], None]] = []
        left: list[int] = []
        self.patch(atexit, "register", at_exit.append)
        self.patch(os, "_exit", left.append)
        stopped: list[bool] = []

        class Reactor:
            def stop(self) -> None:
                if stopped:
                    raise ReactorNotRunning
                stopped.append(True)

        reactor = Reactor()
        service.fail(reactor)
        service.fail(reactor)
        self.assertEqual([True], stopped)
        at_exit[0]()
        self.assertEqual([1], left)


class StopTests(SynchronousTestCase):
    """Parts stop one after the other, in the opposite order."""

    def test_each_waits_for_the_one_before(self) -> None:
        stopped: list[str] = []
        slow: Deferred[None] = Deferred()

        class Part(Service):
            def stopService(self) -> Deferred[None] | None:
                stopped.append(str(self.name))
                return slow if self.name == "proxy" else None

        router = RouterService(_Reactor())
        for name in ("log", "status", "proxy"):
            part = Part()
            part.setName(name)
            part.setServiceParent(router)
        done = router.stopService()
        self.assertEqual(["proxy"], stopped)
        self.assertNoResult(done)
        slow.callback(None)
        self.assertEqual(["proxy", "status", "log"], stopped)
        self.successResultOf(done)

    def test_one_that_cannot_stop_does_not_keep_the_others(self) -> None:
        closed: list[int] = []

        def close() -> None:
            closed.append(1)

        class Part(Service):
            def stopService(self) -> None:
                raise ValueError("no")

        router = RouterService(_Reactor())
        ClosingService(close).setServiceParent(router)
        Part().setServiceParent(router)
        self.successResultOf(router.stopService())
        self.assertEqual([1], closed)
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))


class AllocatorTests(SynchronousTestCase):
    """Freed memory is kept where the C library can be told so."""

    def test_glibc_takes_every_option(self) -> None:
        answers: list[int] = []

        class Library:
            def __init__(self, name: None) -> None:
                self._library = ctypes.PyDLL(name)

            def mallopt(self, option: int, value: int) -> None:
                answers.append(self._library.mallopt(option, value))

        self.patch(ctypes, "CDLL", Library)
        service.keep_freed_memory()
        self.assertEqual([1, 1, 1], answers)

    def test_what_the_start_needed_is_handed_back(self) -> None:
        asked = []

        class Library:
            def __init__(self, name: None) -> None:
                self._library = ctypes.PyDLL(name)

            def malloc_trim(self, pad: int) -> None:
                asked.append(pad)
                self._library.malloc_trim(pad)

        self.patch(ctypes, "CDLL", Library)
        service.hand_back_memory()
        self.assertEqual([0], asked)

    def test_another_library_is_left_alone(self) -> None:
        self.patch(ctypes, "CDLL", lambda name: object())
        service.keep_freed_memory()
        service.hand_back_memory()
