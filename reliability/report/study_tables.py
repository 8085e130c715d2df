"""The table of a network's study: each age with its interval, and what the interval is made of."""

from typing import Any

from reliability.campaign.spec import Study
from reliability.report.page import Table
from reliability.report.words import percent
from reliability.units import duration, engineering


def ages_table(study: Study, summary: dict[str, Any]) -> Table:
    """Return mean accuracy at every age."""
    counted = next((name for name in ("reads", "inferences") if len(getattr(study.ages, name)) > 1),
                   None)  # fmt: skip
    header = ["time", "temperature", *([counted, "read voltage"] if counted else []), "accuracy",
              "interval", "chip to chip (1σ)", "simulated chips", "test images",
              "card parameters"]  # fmt: skip
    rows = []
    for age in summary["accuracy_by_age"]:
        reads = []
        if counted:
            reads = [f"{age[counted]:.3g}", engineering(age["read_voltage_v"], "V")]
        parameters = age["sigma_parameters"]
        rows.append([
            duration(age["time_s"]) if age["time_s"] else "0 s (as programmed)",
            engineering(age["temperature_k"], "K"), *reads, percent(age["mean"]),
            f"{percent(age['low'])} to {percent(age['high'])}", percent(age["sigma_chips"]),
            f"± {percent(age['sigma_monte_carlo'], 2)}", f"± {percent(age['sigma_images'], 2)}",
            "not drawn" if parameters is None else f"± {percent(parameters)}",
        ])  # fmt: skip
    return Table(
        "answers", "How sure we are",
        f"Mean accuracy of a chip at every age with its "
        f"{percent(summary['accuracy']['confidence'], 0)} interval, and what the interval is made "
        "of. Chip to chip is the spread of the product; the others are our ignorance of its mean.",
        header, rows,
    )  # fmt: skip
