"""Make the figures of docs/inferences.md and docs/attribution.md and print their numbers.

reliability run analyses/inferences.toml --out out/inferences
reliability run analyses/attribution.toml --out out/attribution
python docs/make_loss_figures.py out/inferences out/attribution
"""

import argparse
import json
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import reliability as rel
from reliability.campaign.store import read_results
from reliability.report import figures
from reliability.report.outputs.attribution import attribution_table, bars_data

HERE = Path(__file__).parent
STUDIES = HERE.parent / "analyses"


def inferences(folder: Path) -> Figure:
    """Accuracy against inferences, beside the map of reads."""
    study = rel.load_study(STUDIES / "inferences.toml")
    results = read_results(folder)
    chips = results["chips"].isel(temperature=0, time=0).load()
    figure = Figure(figsize=(10.5, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    ideal = float(results["ideal"]["accuracy"].mean())
    figures.accuracy_against_reads(chips["accuracy"], left, ideal=ideal)
    each = chips["reads_per_input"].isel(read_voltage=0, inferences=0).mean("chip")
    each = each / study.network.images
    figures.reads_of_rows(each, right, norm=LogNorm(1e-3, float(each.max())))
    right.set_title("reads of a row's cells per inference", fontsize=10)
    figure.colorbar(right.collections[0], ax=right, shrink=0.85, extend="min")
    print("mean accuracy (%), events per image")
    for volt in chips["read_voltage"].values:
        at = chips.sel(read_voltage=volt).mean("chip")
        print(volt, (100 * at["accuracy"].values).round(1), at["spikes"].values.round(0))
    compare_routes(study)
    return figure


def compare_routes(study: rel.campaign.Study) -> None:
    """Print what is lost by spreading the reads evenly, and by counting them on fresh chips."""
    net, tech = rel.load_network("spirit"), study.load_technology()
    chips = rel.sample_chips(tech, net, chips=study.population.chips, seed=study.seed,
                             dies_per_wafer=study.population.dies_per_wafer)  # fmt: skip
    hour = rel.MissionProfile.constant("1 h")
    settings = {"images": study.network.images, "seed": study.seed}
    settings["neuron"] = rel.Neuron.from_technology(tech)
    numbers = [1e8, 1e9, 1e10]
    counted = rel.evaluate_inferences(
        net, chips, numbers, read_voltages=[0.3], profile=hour, **settings
    ).isel(read_voltage=0)
    fresh = rel.evaluate(net, rel.age(chips, hour), **settings)

    def after(reads: xr.DataArray, number: float) -> xr.Dataset:
        rows = chips["conductance"].dims
        each = np.broadcast_to(reads.transpose(*rows).values, chips["conductance"].shape)
        profile = hour + rel.MissionProfile.constant(0, reads=number, read_voltage=0.3)
        return rel.evaluate(net, chips.assign(reads=(rows, each)), profile=profile, **settings)

    print("at 0.3 V: accuracy, against rows read evenly, against reads counted on fresh chips")
    for number in numbers:
        here = counted.sel(inferences=number)
        each = here["reads_so_far"] / number
        even = after(each.mean("cell").broadcast_like(each), number)
        linear = after(fresh["reads"] / study.network.images, number)
        parts = []
        for other in (even, linear):
            d = rel.compare_accuracy(here, other)
            parts.append("{:+.2f} ({:+.2f} to {:+.2f})".format(
                *(100 * float(d[name]) for name in ("difference", "low", "high"))))  # fmt: skip
        print(f"{number:.0e}", f"{100 * float(here['accuracy'].mean()):.1f}", *parts)


def attribution(folder: Path) -> Figure:
    """Bars of what each phenomenon costs."""
    found = json.loads((folder / "summary.json").read_text())["attribution"]
    figure = Figure(figsize=(8.6, 5.6), layout="constrained")
    figures.attribution_bars(bars_data(found), figure.subplots())
    print(f"\nwithout any {found['accuracy_none']:.1%}, with all {found['accuracy_all']:.1%}")
    for row in attribution_table(found, "", 1).rows:
        print("| " + " | ".join(row) + " |")
    return figure


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inferences", type=Path, help="folder of the finished run")
    parser.add_argument("attribution", type=Path, help="folder of the finished run")
    arguments = parser.parse_args()
    with matplotlib.rc_context(figures.STYLE):
        for name, figure in (
            ("inferences", inferences(arguments.inferences)),
            ("attribution", attribution(arguments.attribution)),
        ):
            out = HERE / "figures" / f"{name}.svg"
            figure.savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
            print(out)


if __name__ == "__main__":
    main()
