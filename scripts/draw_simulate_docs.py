"""Draw the figures of docs/rooms/simulate.md: 300 virtual mice per arm, seed 1."""

from pathlib import Path

import matplotlib.pyplot as plt

import turncoat as tc
from turncoat.simulate import plot

STATIC = Path(__file__).parent.parent / "docs" / "_static"


def main() -> None:
    thacker = tc.sim.experiments.thacker(300, seed=1)
    kos = tc.sim.experiments.kos(300, seed=1)
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 3.8), layout="constrained")
    plot.growth(thacker, ax=axes[0])
    plot.colonisation(kos, ax=axes[1])
    figure.savefig(STATIC / "simulate-arms.png", dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
