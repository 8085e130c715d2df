"""A qualification of several tests against a mission: requirements, claims, acceleration, lots.

Tests are pooled by failure mechanism (`reliability.product.mechanisms`), each of which is assessed
for the mission of the claim.
"""

from dataclasses import dataclass, field

from reliability.lifetime.demonstration import sample_size
from reliability.product.mechanisms import Answer, assess_mechanism
from reliability.product.plan_tables import claimed_fraction
from reliability.product.qualification_plan import LifeTest, Plan
from reliability.product.standard_rows import Row, check_requirements

# What each test of the standards says something about; a test's own mechanism goes before.
MECHANISMS = {
    "UCHTDR": "retention", "HTSL": "retention", "PCHTDR": "retention after cycling",
    "LTDR": "retention and read disturb", "NVCE": "endurance", "HTOL": "operating life",
    "ELFR": "early life", "LTOL": "low-temperature life", "cross-temperature": "cross-temperature",
    "read disturb": "read disturb", "UBER": "uncorrectable errors", "EDR": "AEC-Q100-005",
    "ED": "electrical distributions",
}  # fmt: skip
# Rows that have requirements but no claim of their own: a limit in them is all there is.
_NO_CLAIM = (
    "early life", "cross-temperature", "low-temperature life", "uncorrectable errors",
    "retention and read disturb", "AEC-Q100-005", "electrical distributions",
)  # fmt: skip


@dataclass(frozen=True)
class Dossier:
    """A plan with its rows and answers."""

    plan: Plan
    rows: list[Row]
    answers: list[Answer]
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)

    @property
    def unclaimed(self) -> list[str]:
        """Names of the tests that stand for their requirement alone, and for no claim."""
        in_claims = {id(test) for answer in self.answers for test in answer.tests}
        names = (test.table.name for test in self.plan.tests if id(test) not in in_claims)
        return list(dict.fromkeys(names))

    @property
    def verdict(self) -> str:
        """Qualified, not qualified, or incomplete.

        Incomplete: nothing is missed, but requirements are open or no test speaks of the claim.
        """
        if any(row.met is False for row in self.rows) or not all(a.passed for a in self.answers):
            return "not qualified"
        is_open = any(row.met is None and row.applies for row in self.rows)
        return "incomplete" if is_open or not self.answers else "qualified"

    @property
    def passed(self) -> bool:
        """Whether no requirement with a test is missed and every claim is demonstrated."""
        return self.verdict != "not qualified" and bool(self.answers)


def qualify_plan(plan: Plan, *, seed: int = 0) -> Dossier:
    """Check the requirements of a plan and assess its claim for each mechanism.

    Parameters
    ----------
    plan : Plan
        Of `load_plan`.
    seed : int
        Of simulated samples.

    Raises
    ------
    InputError
        A plan that contradicts itself.
    """
    rows = check_requirements(plan)
    pooled: dict[str, list[LifeTest]] = {}
    for test in plan.tests:
        name = test.table.mechanism or MECHANISMS.get(test.table.name, test.table.name)
        pooled.setdefault(name, []).append(test)
    answers = [
        assess_mechanism(name, tuple(tests), plan, seed)
        for name, tests in pooled.items()
        if name not in _NO_CLAIM
    ]
    wanted = claimed_fraction(plan.table.claim)
    confidence = plan.table.claim.confidence
    samples = [
        (p, *(sample_size(p, failures=r, confidence=confidence) for r in range(3)))
        for p in sorted({0.1, 0.03, 0.01, 1e-3, 1e-4, wanted}, reverse=True)
    ]
    return Dossier(plan, rows, answers, samples)  # type: ignore[arg-type]
