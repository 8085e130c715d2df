"""Campaigns: a study's specification, its plan, the run, and the store it can resume from."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.campaign.estimate import plan_study
    from reliability.campaign.finished import read_study
    from reliability.campaign.load import load_study
    from reliability.campaign.runner import run_study
    from reliability.campaign.spec import Study
    from reliability.campaign.status import study_status
    from reliability.campaign.study_comparison import compare_studies

__all__ = [
    "Study",
    "compare_studies",
    "load_study",
    "plan_study",
    "read_study",
    "run_study",
    "study_status",
]

__getattr__, __dir__ = first_use(__name__)
