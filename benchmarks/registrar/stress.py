"""Containers that come and go while everything around them is killed."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.discovery.agents import Consul, wait_until
from benchmarks.discovery.figures import Figure
from benchmarks.processes import BenchmarkError
from benchmarks.registrar.differences import differences
from benchmarks.registrar.docker_api import DockerApi, DockerApiError
from benchmarks.registrar.site import Site, site

#: Containers that come and go side by side.
_WORKERS = 6

#: Containers that are left running in between, and at the end.
_LEFT = 24

#: Seconds in which all must be well again after the last of it, and then stay so.
_SETTLE_S = 90.0
_STAYS_S = 5.0

#: How often the engine may refuse something that should be possible.
_REFUSALS = 5

_FOREIGN = {"ID": "somebody-elses", "Name": "somebody-elses", "Port": 5432}


class _Crowd:
    """Containers that come, change and go, until there were enough of them."""

    def __init__(self, api: DockerApi, cycles: int, seed: int) -> None:
        self._api = api
        self._cycles = cycles
        self._lock = threading.Lock()
        self._begun = 0
        self._left: list[str] = []
        self._threads = [
            threading.Thread(target=self._work, args=(number, seed), daemon=True)
            for number in range(_WORKERS)
        ]
        self.errors: list[str] = []
        self.done = 0
        self.refused = 0

    def run(self) -> None:
        """Return when all have come and gone."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        if self.errors:
            raise BenchmarkError(f"stress: {self.errors[0]}")

    def _work(self, worker: int, seed: int) -> None:
        rng = random.Random(f"{seed} {worker}")
        try:
            while self._next():
                self._cycle(f"w{worker}-{rng.getrandbits(40):010x}", rng)
                with self._lock:
                    self.done += 1
        except Exception as error:
            self.errors.append(repr(error))

    def _next(self) -> bool:
        with self._lock:
            self._begun += 1
            return self._begun <= self._cycles

    def _cycle(self, name: str, rng: random.Random) -> None:
        api = self._api
        # With another policy, an engine that was killed starts it again.
        policy = rng.choice(("no", "no", "always"))
        made = self._insist(lambda: api.create(name, restart=policy), lambda: name)
        if not made:
            return
        self._insist(lambda: api.start(made))
        time.sleep(rng.random() * 0.5)
        match rng.randrange(8):
            case 0:
                self._insist(lambda: api.act("rename", made, f"?name={name}-renamed"))
            case 1:
                self._insist(lambda: api.act("restart", made, "?t=1"))
            case 2:
                self._insist(lambda: api.act("pause", made))
                time.sleep(rng.random() * 0.2)
                self._insist(lambda: api.act("unpause", made))
            case 3:
                self._insist(lambda: api.act("kill", made, "?signal=HUP"))
        if rng.random() < 0.2:
            made = self._exchange(made)
        if not made:
            return
        if rng.random() < 0.5:
            self._insist(lambda: api.act("stop", made, "?t=1"))
        elif rng.random() < 0.5:
            self._insist(lambda: api.act("kill", made))
        self._insist(lambda: api.remove(made))

    def _exchange(self, made: str) -> str:
        """Leave this container running, and end the oldest that was left."""
        with self._lock:
            self._left.append(made)
            return self._left.pop(0) if len(self._left) > _LEFT else ""

    def _insist(
        self, act: Callable[[], str | None], otherwise: Callable[[], str] | None = None
    ) -> str:
        """Do something with an engine that may be away; what came of it.

        What it refuses is left undone at last: some containers have not survived
        their engine, for it.
        """
        until_s = time.monotonic() + _SETTLE_S
        refusals = 0
        while True:
            try:
                return act() or ""
            except DockerApiError as error:
                # It may have been done although the answer was lost.
                if error.status == 409 and otherwise is not None:
                    return otherwise()
                refusals += bool(error.status)
                if refusals == _REFUSALS:
                    self.refused += 1
                    return ""
                if time.monotonic() > until_s:
                    raise
            time.sleep(0.2)


def measure(
    directory: Path, cycles: int, calm_s: float, seed: int, *, live_restore: bool
) -> list[Figure]:
    """Many cycles of start and stop, with kills of everything in between.

    :param calm_s: mean seconds between two kills of the registrar, and between two
        faults of the others.
    :param live_restore: containers outlive the engine.
    """
    case = f"{cycles} cycles, {'live-restore' if live_restore else 'no live-restore'}"
    began_s = time.monotonic()
    with site(directory, live_restore=live_restore) as scene:
        scene.consul.put("/v1/agent/service/register", _FOREIGN)
        crowd = _Crowd(scene.engine.api, cycles, seed)
        faults = _Faults(scene, calm_s, seed)
        faults.begin()
        try:
            crowd.run()
        finally:
            faults.end()
        try:
            wait_until(
                lambda: not differences(scene), _SETTLE_S, "no differences", 0.25
            )
        except BenchmarkError:
            pass
        time.sleep(_STAYS_S)
        found = differences(scene)
        for line in found:
            print(f"  {line}")
        foreign = _FOREIGN["ID"] in scene.services()
        return [
            *(
                Figure(case, name, number, "")
                for name, number in sorted(faults.counts.items())
            ),
            Figure(case, "cycles", crowd.done, ""),
            Figure(case, "requests refused by the engine", crowd.refused, ""),
            Figure(
                case, "containers in the end", len(scene.engine.api.containers()), ""
            ),
            Figure(case, "differences from Docker", len(found), "", 0),
            Figure(case, "others' services lost", int(not foreign), "", 0),
            Figure(case, "all of it", time.monotonic() - began_s, "s", 600.0),
        ]


class _Faults:
    """Kills things at random moments; whatever it kills is there again in the end."""

    def __init__(self, site: Site, calm_s: float, seed: int) -> None:
        self._site = site
        self._seed = seed
        self._over = threading.Event()
        self._errors: list[str] = []
        others = [
            self._restart_engine,
            self._kill_engine,
            self._restart_consul,
            self._empty_consul,
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(calm_s, kinds), daemon=True)
            for kinds in ([self._kill_registrar], others)
        ]
        self.counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Begin to kill."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Kill no more; returns when all runs again."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise BenchmarkError(f"stress: {self._errors[0]}")

    def _work(self, mean_s: float, kinds: list[Callable[[random.Random], str]]) -> None:
        rng = random.Random(f"{self._seed} {len(kinds)}")
        bag: list[Callable[[random.Random], str]] = []
        try:
            while not self._over.wait(rng.expovariate(1 / mean_s)):
                # Each kind comes as often as the others.
                bag = bag or rng.sample(kinds, len(kinds))
                self.counts[bag.pop()(rng)] += 1
        except Exception as error:
            self._errors.append(repr(error))

    def _kill_registrar(self, rng: random.Random) -> str:
        self._site.registrar.kill()
        time.sleep(rng.random() * 2)
        self._site.registrar.start()
        return "kills of the registrar"

    def _restart_engine(self, rng: random.Random) -> str:
        self._site.engine.end()
        self._site.engine.start()
        return "restarts of dockerd"

    def _kill_engine(self, rng: random.Random) -> str:
        self._site.engine.end(signal.SIGKILL)
        time.sleep(rng.random())
        self._site.engine.start()
        return "kills of dockerd"

    def _restart_consul(self, rng: random.Random) -> str:
        self._site.agent.kill()
        time.sleep(rng.random() * 2)
        self._start_consul()
        return "kills of Consul"

    def _empty_consul(self, rng: random.Random) -> str:
        self._site.agent.kill()
        self._site.lose_consul()
        consul = self._start_consul()
        consul.put("/v1/agent/service/register", _FOREIGN)
        return "losses of Consul's data"

    def _start_consul(self) -> Consul:
        self._site.agent.start()
        return self._site.agent.wait()
