"""One trial, top to bottom: break a workload, let the healer work, decide from evidence.

Lease a namespace, deploy, take the baseline, start the healer, break, prove that the fault is live, watch, hold,
judge. Whatever breaks in here is the harness's fault and says nothing about the healer; whatever the healer does is
evidence. The trap is a clock that starts at the break: it starts when the cluster shows the fault, by the cluster's
own timestamps.
"""

from __future__ import annotations

import math
import time as real_time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from .chaos import coactors, run
from .chaos.objects import WORKLOADS
from .chaos.signs import SignWatch
from .clusters.seam import LONGEST_BACK_OFF, Cluster, Lease, RunningHealer
from .doings import Doings
from .drivers import HealerSpec, Report
from .evidence import Evidence, HealerEnd, Ref, Seen, began
from .judge import judge
from .problems import HarnessError, NotSteady, UsageProblem
from .record import Cost, TrialRecord
from .scenario.catalogue import Drawn, LoadedScenario
from .scenario.model import Scenario
from .vigil import LAPSE, View, Vigil, longest_back_off

# How long a workload may take to stand, and then to do its work. Where many start at once, a probe may have restarted
# something meanwhile, and a scenario may ask for two minutes without that.
STEADY_WITHIN = 300.0
WORKS_WITHIN = 150.0
# A pod that is deleted has its grace to end.
REPLACED_WITHIN = 60.0
# How often a one-pass healer is called.
PASS_EVERY = 10.0
# A repair that comes within half a budget more is "late", after that it is "not".
LATE_SHARE = 0.5
# How often the workload's work is tried while it looks well.
WORK_EVERY = 5.0
WORK_EVERY_IN_HOLD = 60.0


class Step(StrEnum):
    LEASE = "lease"
    DEPLOY = "deploy"
    BASELINE = "baseline"
    HEALER = "healer"
    BREAK = "break"
    PROVE = "prove"
    WATCH = "watch"
    HOLD = "hold"
    JUDGE = "judge"


Tell = Callable[[Step, str], None]


@dataclass(frozen=True)
class Pace:
    """What a trial takes its time for, which depends on what time costs."""

    steady_for: float  # how long a workload must stand before it is broken
    starts_clean: bool  # whether what was restarted while everything started is replaced by what was not
    healthy_look: float  # how long the healer sees the healthy state before anything breaks
    shortest_hold: float
    wait_for_late: float  # a repair that comes this long after the budget is still called late
    sits_budgets_out: bool  # whether a healer that lets the time to detect pass may yet do something
    longest_back_off: float
    after_escalation: float  # how long the healer is watched then for doing something unsafe all the same

    @classmethod
    def on(cls, cluster: Cluster) -> Pace:
        free = cluster.virtual
        return cls(
            steady_for=20.0 if free else 5.0,
            starts_clean=not free,
            healthy_look=30.0 if free else 15.0,
            shortest_hold=600.0 if free else 0.0,
            wait_for_late=1800.0 if free else 0.0,
            sits_budgets_out=free,
            longest_back_off=LONGEST_BACK_OFF[cluster.timing],
            after_escalation=600.0 if free else 60.0,
        )


@dataclass(frozen=True)
class Outcome:
    """A trial's result, with what it was made from."""

    record: TrialRecord
    cost: Cost
    evidence: Evidence
    plan: Scenario


def run_trial(
    scenario: LoadedScenario,
    trial: int,
    *,
    seed: str,
    cluster: Cluster,
    healer: HealerSpec,
    budget_scale: float = 1.0,
    keep: bool = False,
    tell: Tell = lambda _step, _what: None,
) -> Outcome:
    """Run one trial. FAIL, INVALID and ERROR are verdicts, not exceptions."""
    wall, cpu = real_time.perf_counter(), real_time.process_time()
    drawn = scenario.plan(seed, trial)
    tell(Step.LEASE, cluster.name)
    lease = cluster.lease(f"{seed}/{scenario.id}/{trial}")
    try:
        work = Trial(drawn, lease, healer, budget_scale, Pace.on(cluster), tell)
        work.run()
        tell(Step.JUDGE, scenario.id)
        judgement = judge(drawn.scenario, work.evidence, budget_scale)
    except BaseException:
        _close(lease, keep, scenario.id, trial)
        raise
    record = TrialRecord(
        scenario=scenario.id,
        trial=trial,
        seed=seed,
        healer=healer.label,
        cluster=cluster.name,
        kubernetes=cluster.kubernetes,
        timing=cluster.timing,
        crash_class=drawn.scenario.crash_class,
        verdict=judgement.verdict,
        reason=judgement.reason,
        message=judgement.message,
        times=judgement.times,
        graded=judgement.graded,
        parameters=drawn.parameters,
    )
    _close(lease, keep and judgement.verdict != "PASS", scenario.id, trial)
    cost = Cost(
        scenario=scenario.id,
        trial=trial,
        wall=real_time.perf_counter() - wall,
        cpu=real_time.process_time() - cpu,
        healer_cpu=work.healer_cpu,
        cluster_seconds=(work.evidence.ended or lease.now()) - work.evidence.started,
    )
    return Outcome(record, cost, work.evidence, drawn.scenario)


def _close(lease: Lease, keep: bool, scenario: str, trial: int) -> None:
    """What goes wrong here is told, and takes no verdict back."""
    try:
        lease.close(keep)
    except Exception as problem:
        message = (
            f"{scenario} trial {trial}: its namespace {lease.namespace} could not be cleared away "
            f"({type(problem).__name__}: {problem}). The next run on this cluster tries again."
        )
        with suppress(RuntimeWarning):  # raised where warnings are errors
            warnings.warn(message, RuntimeWarning, stacklevel=3)


@dataclass
class Trial:
    """The steps, and what they share."""

    drawn: Drawn
    lease: Lease
    healer: HealerSpec
    scale: float
    pace: Pace
    tell: Tell
    healer_cpu: float = 0.0
    view: View = field(default_factory=View)

    def __post_init__(self) -> None:
        self.plan = self.drawn.scenario
        self.evidence = Evidence(namespace=self.lease.namespace, started=self.lease.now())
        self.evidence.requests, self.evidence.refused = self.lease.requests, self.lease.refused
        # Until it is broken one watches the workload, and one what stands around it; the last one watches afterwards.
        self.before = Vigil(self.view, self.plan.target)
        around = (ref for ref in self.drawn.deployed if ref.kind in WORKLOADS and ref not in self.plan.target)
        self.around = Vigil(self.view, around)
        self.vigil = Vigil(self.view, self.plan.target)
        self.evidence.recoveries = self.vigil.recoveries
        self.doings = Doings(self.plan, self.evidence)
        self.signs = SignWatch(self.plan.signature, self.view)
        self.report = Report(self.lease.now, self.evidence.claims)
        self.running: RunningHealer | None = None

    def run(self) -> None:
        try:
            self.deploy()
            self.take_baseline()
            self.start_healer()
            self.break_workload()
            self.prove()
            self.watch()
        except (KeyboardInterrupt, UsageProblem):
            raise
        except NotSteady as problem:
            self.evidence.not_steady = str(problem)
        except HarnessError as problem:
            self.evidence.harness_error = str(problem)
        except Exception as problem:
            self.evidence.harness_error = f"{type(problem).__name__}: {problem}"
        finally:
            self.finish()

    # -- the steps

    def deploy(self) -> None:
        self.tell(Step.DEPLOY, self.plan.workload)
        self.lease.watch(self.see)
        coactors.start(self.plan.co_actors, self.lease)
        with self.lease.turn():
            run.deploy(self.drawn.experiment, self.lease)
            over = self.lease.now() + STEADY_WITHIN
            self.wait_until_steady(over)
            if self.pace.starts_clean:
                self.replace_restarted(over)
        self.before.begin(self.lease.now())
        self.around.begin(self.lease.now())
        self.lease.sleep(self.pace.steady_for)
        self.must_be_steady_still()
        why = self.why_it_does_not_work(self.lease.now() + WORKS_WITHIN)
        if why:
            raise NotSteady(f"the workload is up and does not work: {why}")

    def wait_until_steady(self, over: float) -> None:
        if not self.lease.wait(lambda: not self.why_unsteady(), max(0.0, over - self.lease.now())):
            raise NotSteady(f"the workload was never steady: {self.why_unsteady()}")

    def why_unsteady(self) -> str:
        """A healer that looks around must find nothing ill: what a neighbour suffers from is not what is graded."""
        return self.before.why_unsettled() or self.around.why_unsettled()

    def replace_restarted(self, over: float) -> None:
        """Whoever started before its database may have died of it; a healer that comes later sees a crash loop."""
        while restarted := self.view.restarted():
            if self.lease.now() >= over:
                raise NotSteady(f"restarted again and again: {', '.join(map(str, restarted))}")
            run.delete(self.lease, restarted)
            self.lease.wait(lambda: self.view.objects.keys().isdisjoint(restarted), REPLACED_WITHIN)
            self.wait_until_steady(over)

    def must_be_steady_still(self) -> None:
        """What falls before anybody touched it is no scenario, and whoever noticed it was right."""
        for vigil in (self.before, self.around):
            standing = vigil.recoveries[0]
            noticed = vigil is self.before or not self.doings.silent
            if noticed and standing.until is not None and standing.until < self.doings.first_act():
                after = f"{standing.until - standing.since:.0f}s after it stood"
                raise NotSteady(f"the workload did not stay steady, it fell {after}: {standing.lost}")

    def why_it_does_not_work(self, over: float) -> str:
        """Asked twice at least: what is ready may be a moment away from being found, and a busy node's answer late."""
        for asked in count(1):
            works, why = run.works(self.drawn.experiment, self.lease)
            if works or (asked > 1 and self.lease.now() >= over):
                break
            self.lease.sleep(WORK_EVERY)
        return "" if works else why

    def take_baseline(self) -> None:
        self.tell(Step.BASELINE, "")
        self.evidence.baseline = self.view.snapshot()
        self.evidence.bystanders = self.drawn.bystanders
        if not self.evidence.baseline:
            raise HarnessError("the baseline is empty: nothing was seen in the namespace before the break")
        for ref in (*self.plan.target, *self.plan.may_touch, *self.evidence.bystanders):
            if ref not in self.evidence.baseline:
                raise HarnessError(f"{ref} is not in the baseline: the scenario names it, the workload lacks it")

    def start_healer(self) -> None:
        self.tell(Step.HEALER, self.healer.label)
        self.running = self.lease.run_python_healer(self.healer.call, self.report, PASS_EVERY)
        self.lease.sleep(self.pace.healthy_look)

    def break_workload(self) -> None:
        self.must_be_steady_still()
        self.wait_until_steady(self.lease.now() + STEADY_WITHIN)
        self.must_be_steady_still()  # whoever noticed a neighbour meanwhile was right, too
        self.tell(Step.BREAK, self.plan.crash_class)
        self.evidence.broken = self.lease.now()
        self.signs.since(self.evidence.broken)
        run.break_workload(self.drawn.experiment, self.lease)

    def prove(self) -> None:
        self.tell(Step.PROVE, "")
        within = self.plan.signature.within * self.scale
        if not self.lease.wait(lambda: self.signs.live is not None, within):
            missing = self.signs.missing()
            raise NotSteady(f"the fault was not live within {within:g}s of the break: {missing}")
        self.evidence.live = self.signs.live

    def watch(self) -> None:
        self.tell(Step.WATCH, "")
        assert self.evidence.live is not None
        budget = self.evidence.live + self.plan.budgets.recover * self.scale
        if self.plan.nothing_is_due:
            self.leave_alone(self.evidence.live + self.plan.budgets.recover, budget)
            return
        last_call = budget + max(self.plan.budgets.recover * self.scale * LATE_SHARE, self.pace.wait_for_late)
        while True:
            now = self.lease.now()
            if self.escalation_settles_it(now) or self.silence_settles_it(now):
                return
            if self.vigil.current is None:
                # A recovery that was lost after the healer acted is a relapse; without it, the repair may still come.
                over = self.relapsed() and not self.vigil.changes_gently
                give_up = max(budget, self.lapse_over()) if over else last_call
                if now >= give_up:
                    return
                self.look_for_recovery(min(give_up, now + WORK_EVERY))
            elif self.held(budget):
                return

    # -- watching

    def leave_alone(self, until: float, last_call: float) -> None:
        """Nothing is due: whoever waits must find the symptom gone by itself; on a slow cluster that takes longer."""
        if not self.pace.sits_budgets_out:
            self.see_it_pass(until)
        else:
            self.lease.sleep(max(0.0, until - self.lease.now()))
        while True:
            self.lease.wait(self.vigil.settled, max(0.0, last_call - self.lease.now()))
            works, why = run.works(self.drawn.experiment, self.lease)
            if (works and self.vigil.settled()) or self.doings.acted:
                return
            if self.lease.now() >= last_call:
                problem = self.vigil.why_unsettled() or why
                raise HarnessError(f"nothing was due and nobody acted, yet the symptom did not pass: {problem}")
            self.lease.sleep(WORK_EVERY)  # a busy node fails a probe now and then, also at the very end

    def see_it_pass(self, until: float) -> None:
        """Until it has passed for as long as a repair must hold, and whoever acts has had its time to detect."""
        assert self.evidence.live is not None
        least = min(until, self.evidence.live + self.plan.budgets.detect * self.scale)
        while self.lease.now() < until:
            if self.vigil.current is None:
                self.look_for_recovery(until)
            elif self.held(until):
                self.lease.sleep(max(0.0, least - self.lease.now()))
                return

    def escalation_settles_it(self, now: float) -> bool:
        """Where an escalation is an answer, the trial ends a while after it, unless a repair is being held.

        Who has not named the class by then has the time for that which everybody has.
        """
        assert self.evidence.live is not None
        called = self.doings.escalated if "escalate" in self.plan.due else math.inf
        to_name = self.evidence.live + self.plan.budgets.classify * self.scale
        return now >= called + self.pace.after_escalation and (self.doings.named_a_class or now >= to_name)

    def silence_settles_it(self, now: float) -> bool:
        """Who said and did nothing while half a budget more went by has not detected it, whatever comes."""
        assert self.evidence.live is not None
        over = self.evidence.live + self.plan.budgets.detect * self.scale * (1 + LATE_SHARE)
        return not self.pace.sits_budgets_out and self.doings.silent and now >= over

    def look_for_recovery(self, until: float) -> None:
        """Wait for the workload to settle, then see whether it works."""
        self.lease.wait(self.vigil.settled, until - self.lease.now())
        self.evidence.lacking = self.vigil.why_unsettled()
        if self.evidence.lacking:
            return
        settled = self.lease.now()
        works, why = run.works(self.drawn.experiment, self.lease)
        if works and self.vigil.settled():
            self.tell(Step.HOLD, "")
            self.vigil.begin(settled)
        else:
            self.evidence.lacking = why or self.vigil.why_unsettled()
            self.lease.sleep(max(0.0, min(WORK_EVERY, until - self.lease.now())))

    def held(self, budget: float) -> bool:
        """Wait out the hold; True when it is over and the recovery stands (or came too late to matter)."""
        current = self.vigil.current
        assert current is not None
        since = began(self.vigil.recoveries, self.doings.first_act(self.evidence.broken or 0.0))
        if since > budget and self.doings.acted:
            return True  # late: how long it lasts makes no difference
        self.evidence.hold = max(self.evidence.hold, self.hold_needed())
        over = self.vigil.stands_since + self.evidence.hold
        while self.vigil.current is current and self.lease.now() < over:
            pause = min(WORK_EVERY_IN_HOLD, over - self.lease.now())
            self.lease.wait(lambda: self.vigil.current is not current, pause)
            if self.vigil.current is current:
                now = self.lease.now()
                why = self.why_it_does_not_work(now)
                if why and self.vigil.current is current:
                    self.vigil.lose(now, f"it does not do its work: {why}", crash=False)
        return self.vigil.current is current

    def relapsed(self) -> bool:
        """A recovery that came after the healer acted was lost."""
        return bool(self.vigil.recoveries) and self.doings.tried_before(self.vigil.recoveries[-1].since)

    def lapse_over(self) -> float:
        """Until when what was lost may come back as if nothing had been."""
        return (self.vigil.recoveries[-1].until or 0.0) + LAPSE

    def hold_needed(self) -> float:
        hold = self.plan.hold
        back_off = longest_back_off(self.view, self.plan.target, self.pace.longest_back_off)
        return max(hold.time_to_crash * hold.stretch + back_off + hold.margin, self.pace.shortest_hold)

    # -- recording

    def see(self, seen: Seen) -> None:
        self.evidence.timeline.append(seen)
        self.signs.see(seen)
        if self.evidence.broken is None:
            self.before.check(seen.time)
            self.around.check(seen.time)
        else:
            self.vigil.check(seen.time)

    def finish(self) -> None:
        if self.running is not None:
            try:
                self.evidence.healer = self.running.stop()
            except HarnessError as problem:  # it is stopped all the same
                self.evidence.harness_error = self.evidence.harness_error or str(problem)
                self.evidence.healer = self.running.end()
            self.healer_cpu = self.running.cpu_seconds
        else:
            self.evidence.healer = HealerEnd("stopped", "it was never started")
        self.evidence.ended = self.lease.now()
        try:
            self.lease.wait(lambda: True, 0.0)  # what the cluster has shown and nobody looked at yet
            self.evidence.logs = run.logs(self.lease, self.pods())
        except Exception as problem:
            self.evidence.harness_error = self.evidence.harness_error or f"{type(problem).__name__}: {problem}"
        self.evidence.final = self.view.snapshot()

    def pods(self) -> list[Ref]:
        return [Ref.of(pod) for target in self.plan.target for pod in self.view.pods_of(target)]
