"""The stored program of a study as `reliability.product` takes it, and its failing macros."""

import warnings

from reliability.campaign.frame import StudyFrame
from reliability.mission import MissionProfile, Segment
from reliability.product.macro import Setting
from reliability.product.maintenance import Maintained, Policy, mission_failures
from reliability.technology import Technology


def setting_of(study: StudyFrame) -> Setting:
    """Return the macro of a study, how it is written and read, and its preconditioning."""
    p = study.options("product")
    before = study.stress.then(Segment(0.0)).segments[:-1]
    return Setting.of(
        MissionProfile(before), p.bits, p.word_code(),
        verify=study.programming.verification(), reference=p.reference,
        cycles=p.cycles, cycling_temperature=p.cycling_temperature, noise=p.noise,
        spare_words=p.spare_words, cells_per_bit=p.cells_per_bit,
    )  # fmt: skip


def use_at(age: dict[str, float]) -> Segment:
    """Return the mission up to one of the read-outs of a study."""
    return Segment(age["time"], age["temperature"], age["reads"], age["read_voltage"])


def failures(
    study: StudyFrame, card: Technology, use: Segment, draw: int = 0, *,
    setting: Setting | None = None, policy: Policy | None = None,
) -> Maintained:  # fmt: skip
    """Return the failing macros of a card; each sampled card has lots of its own.

    Parameters
    ----------
    study : StudyFrame
    card : Technology
    use : Segment
    draw : int
        Number of the sampled card; 0 is the nominal one.
    setting, policy
        Instead of those of the study.
    """
    p = study.options("product")
    lots = range(p.lots * draw, p.lots * (draw + 1))
    with warnings.catch_warnings():  # the summary says them
        warnings.filterwarnings("ignore", message=".*outside the valid range")
        return mission_failures(
            card, use, policy or p.policy(), setting or setting_of(study), lots, study.seed
        )
