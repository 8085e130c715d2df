"""Condition every card NAME with observations and write NAME-conditioned, a variant of it.

Usage: python docs/make_posteriors.py [NAME ...]

The files in data/technologies change; run docs/make_technologies.py afterwards.
"""

import sys
from dataclasses import replace
from pathlib import Path

from reliability.conditioning import Conditioned, posterior
from reliability.technology import list_technologies, load_technology, to_toml

CARDS = Path(__file__).resolve().parents[1] / "data" / "technologies"
ENDING = "-conditioned"
SEED = 1


def variant(found: Conditioned, name: str) -> str:
    """Return what the posterior card says beyond its prior, as TOML."""
    card, prior = found.technology, found.prior
    changed = {key: card.parameters[key] for key in found.parameters}
    groups = {key: group for key, group in card.correlation.items() if group not in
              prior.correlation.values()}  # fmt: skip
    own = replace(
        card, name=name, title=f"{prior.title}; conditioned on observations", parameters=changed,
        correlation=groups, models={}, valid={},
    )  # fmt: skip
    head = (
        f"# {prior.name} conditioned on its observations by docs/make_posteriors.py; do not edit.\n"
        f'base = "{prior.name}"\n'
    )
    return head + to_toml(own)


def main() -> None:
    names = sys.argv[1:] or [
        name
        for name in list_technologies()
        if any(not o.used for o in load_technology(name).observations)
    ]
    for name in names:
        found = posterior(load_technology(name), seed=SEED)
        path = CARDS / f"{name}{ENDING}.toml"
        path.write_text(variant(found, path.stem), "utf-8")
        for check in found.checks:
            print(f"{check.observation.label}: {check.prior:.2g} -> {check.posterior:.2g}")
        for s in found.samplings:
            print(
                f"{name}: {s.draws} draws, ESS {s.effective:.0f}, normal form {s.normal_form:.2f}"
            )
        print(*found.warnings, sep="\n")


if __name__ == "__main__":
    main()
