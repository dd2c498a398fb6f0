"""Writes tests/scenarios/broken/: a small good scenario, and copies of it with one mistake each.

Run it after a change of the scenario format, and look at what changed in broken/expected.txt before committing it.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent / "broken"

GOOD = """\
title: A setting that is refused
description: Small, and right.
configuration:
  namespace: {type: env, key: HEALGATE_NAMESPACE, default: shop}
  value: verbose
runtime: {hypothesis: {strategy: after-method-only}}
extensions:
  - name: healgate
    workload: shop
    class: exit
    target: [Deployment/backend]
    signature: &signature
      within: 2m
      all:
        - {of: Deployment/backend, waiting: [CrashLoopBackOff]}
    budgets: {detect: 1m, classify: 2m, recover: 8m}
    hold: {time-to-crash: 5s}
    right:
      - {object: ConfigMap/backend-config, path: data.LOG_LEVEL, equals: info}
    parameters:
      value: [verbose, loud]
steady-state-hypothesis:
  title: The shop sells
  probes:
    - type: probe
      name: the front page shows products
      tolerance: 200
      provider: {type: python, module: healgate.chaos.probes, func: answers, arguments: {service: frontend, port: 80}}
method:
  - type: action
    name: deploy
    provider: {type: python, module: healgate.chaos.actions, func: deploy, arguments: {workload: shop}}
  - type: action
    name: change a setting
    provider:
      type: python
      module: healgate.chaos.actions
      func: set_config
      arguments: {config: backend-config, key: LOG_LEVEL, value: "${value}"}
  - type: probe
    name: it crashes
    tolerance: true
    provider: {type: python, module: healgate.chaos.probes, func: shows, arguments: {signature: *signature}}
"""

# name -> (what is replaced, by what)
MISTAKES: dict[str, tuple[str, str]] = {
    "alias-undefined": ("{signature: *signature}", "{signature: *signatur}"),
    "argument-of-wrong-type": ("port: 80}", "port: http}"),
    "argument-unknown": ("{service: frontend, port: 80}", "{servise: frontend, port: 80}"),
    "bad-duration": ("within: 2m", "within: 2 minutes"),
    "bare-number-as-duration": ("recover: 8m", "recover: 480"),
    "broken-yaml": ("budgets: {detect: 1m,", "budgets: {detect: 1m"),
    "budgets-out-of-order": ("classify: 2m", "classify: 9m"),
    "container-unknown": ("{of: Deployment/backend, waiting", "{of: Deployment/backend, container: appi, waiting"),
    "date-for-text": ("    class: exit\n", "    class: exit\n    catalogue: 2024-01-01\n"),
    "default-never-drawn": ("value: verbose\n", "value: silent\n"),
    "duration-without-end": ("recover: 8m", "recover: .inf"),
    "duplicate-key": ("    class: exit\n", "    class: exit\n    class: oom\n"),
    "empty": (GOOD, ""),
    "function-unknown": ("func: set_config", "func: set_confg"),
    "key-unknown": ("    workload: shop\n", "    workload: shop\n    budget: {}\n"),
    "key-unknown-of-chaos-toolkit": ("steady-state-hypothesis:", "steady-state-hypotesis:"),
    "limit-of-no-unit": ("equals: info", "at-least: 512Mii"),
    "module-unknown": (
        "module: healgate.chaos.actions\n      func: set",
        "module: healgate.chaos.acts\n      func: set",
    ),
    "no-extension": ("- name: healgate\n", "- name: other\n"),
    "no-proof": ("func: shows, arguments: {signature: *signature}", "func: job_finished, arguments: {job: x}"),
    "no-right-repair": (
        "    right:\n      - {object: ConfigMap/backend-config, path: data.LOG_LEVEL, equals: info}\n",
        "",
    ),
    "nothing-due-elsewhere": ("    class: exit\n", "    class: nothing\n    due: [nothing]\n"),
    "number-wrong": ("{time-to-crash: 5s}", "{time-to-crash: 5s, stretch: two}"),
    "number-too-small": ("{time-to-crash: 5s}", "{time-to-crash: 5s, stretch: 0.5}"),
    "object-unknown": ("target: [Deployment/backend]", "target: [Deployment/backnd]"),
    "parameter-undefined": ('value: "${value}"', 'value: "${valu}"'),
    "parameter-unused": ("      value: [verbose, loud]\n", "      value: [verbose, loud]\n      other: [1]\n"),
    "pauses": ("    name: change a setting\n", "    name: change a setting\n    pauses: {after: 5}\n"),
    "proof-of-something-else": ("{signature: *signature}", "{signature: {within: 1m, all: []}}"),
    "range-upside-down": ("value: [verbose, loud]", "value: {from: 3, to: 1}"),
    "reason-unknown": ("waiting: [CrashLoopBackOff]", "waiting: [CrashLoopBackof]"),
    "sign-of-nothing": ("waiting: [CrashLoopBackOff]", "container: api"),
    "stock-argument-missing": (
        "module: healgate.chaos.actions\n      func: set_config\n"
        '      arguments: {config: backend-config, key: LOG_LEVEL, value: "${value}"}',
        "module: chaosk8s.deployment.actions\n      func: scale_deployment\n"
        '      arguments: {name: "${value}", ns: shop}',
    ),
    "class-left-out": ("class: exit", "class:"),
    "class-unknown": ("class: exit", "class: exits"),
    "target-is-the-bystander": ("target: [Deployment/backend]", "target: [Deployment/newsletter]"),
    "text-empty": ("title: A setting that is refused", "title: ''"),
    "two-documents": ("{signature: *signature}}\n", "{signature: *signature}}\n---\ntitle: another\n"),
    "two-mistakes": (
        "    class: exit\n    target: [Deployment/backend]\n",
        "    class: crash\n    target: Deployment/backend\n",
    ),
    "workload-unknown": ("    workload: shop\n", "    workload: shoop\n"),
    "path-not-closed": ("path: data.LOG_LEVEL", "path: 'data[LOG_LEVEL'"),
    "path-of-no-field": ("path: data.LOG_LEVEL", "path: dat.LOG_LEVEL"),
    "path-of-no-key": ("path: data.LOG_LEVEL", "path: data.LOG_LEVELS"),
    "path-of-no-variable": (
        "{object: ConfigMap/backend-config, path: data.LOG_LEVEL, equals: info}",
        "{object: Deployment/backend, path: 'spec.template.spec.containers[api].env[DATABASE].value', equals: x}",
    ),
    "path-into-a-text": ("path: data.LOG_LEVEL", "path: data.LOG_LEVEL.value"),
    "parameter-not-closed": ('value: "${value}"', 'value: "${value"'),
    "namespace-from-elsewhere": ("key: HEALGATE_NAMESPACE", "key: NAMESPACE"),
    "exit-code-too-large": ("waiting: [CrashLoopBackOff]", "terminated: [Error], exit-codes: [1370]"),
    "tolerance-of-another-kind": ("    tolerance: true\n", "    tolerance: 7\n"),
    "tolerance-of-no-proof": ("    tolerance: true\n", "    tolerance: false\n"),
    "path-of-no-container": (
        "{object: ConfigMap/backend-config, path: data.LOG_LEVEL, equals: info}",
        "{object: Deployment/backend, path: 'spec.template.spec.containers[apii].image', present: true}",
    ),
}


def write() -> None:
    HERE.mkdir(exist_ok=True)
    for name, text in {"good": GOOD, **{n: GOOD.replace(*change, 1) for n, change in MISTAKES.items()}}.items():
        assert name == "good" or text != GOOD, name
        (HERE / f"{name}.yaml").write_text(text)


if __name__ == "__main__":
    write()
