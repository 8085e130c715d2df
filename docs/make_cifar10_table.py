"""Print the table of docs/deep_networks.md on CIFAR-10: accuracy against cells, converters, tiles.

    python docs/make_cifar10_table.py COPY

COPY is whatever ``reliability.load_cifar10`` reads. Some five minutes on two cores.
"""

import sys
import warnings
from typing import Any

import reliability as rel
from reliability.crossbar.wires import load_wire
from reliability.statistics import mean_interval

CHIPS, IMAGES = 4, 500
CARDS = {"PCM": "pcm-mushroom", "analog OxRAM": "oxram-analog", "CMO/HfOx": "oxram-cmo-hfox"}


def main() -> None:
    """Evaluate and print."""
    warnings.simplefilter("ignore", UserWarning)
    network = rel.load_network("resnet-cifar10-aware")
    data, day = rel.load_cifar10(sys.argv[1]), rel.MissionProfile.constant("1 day", "25 degC")
    word, bit = load_wire("22nm").segment_resistance("1T1R")
    lines = {"word_line_resistance": word, "bit_line_resistance": bit}

    def cell(card: rel.Technology, **own: Any) -> str:
        tiling = rel.Tiling(**{"rows": 128, "columns": 128, "compensation": "gain"} | own)
        found = rel.evaluate(network, card, tiling=tiling, data=data, profile=day, chips=CHIPS,
                             images=IMAGES, seed=1)["accuracy"].values  # fmt: skip
        mean, low, high = mean_interval(found)
        return f"{100 * mean:.1f} ± {50 * (high - low):.1f}"

    def spread(card: rel.Technology, factor: float) -> rel.Technology:
        names = [name for name in card if name.startswith("programming.target.error")]
        return card.with_values({name: factor * card[name] for name in names})

    cards = [rel.load_technology(name) for name in CARDS.values()]
    rows: dict[str, list[str]] = {"as the cards have it": [cell(card) for card in cards]}
    for factor in (0.5, 2.0):
        made = [cell(spread(card, factor)) for card in cards]
        rows[f"programming error × {factor:g}"] = made
    for bits in (4, 5, 6, 8):
        made = [cell(card, dac_bits=8, adc_bits=bits) for card in cards]
        rows[f"ADC of {bits} bits (DAC of 8)"] = made
    for size in (64, 128, 256):
        made = [cell(card, rows=size, columns=size, **lines) for card in cards]
        rows[f"22 nm lines, tiles of {size} × {size}"] = made
    print(f"| accuracy after a day, % | {' | '.join(CARDS)} |")
    print("|---|" + "---|" * len(CARDS))
    for name, values in rows.items():
        print(f"| {name} | {' | '.join(values)} |")


if __name__ == "__main__":
    main()
