"""Draw the README's figure: allegiance on the built-in study, tumour against normal lung."""

import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import turncoat as tc
from turncoat.allegiance import Allegiance, plot

HERE = Path(__file__).parent.parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = tc.run(tc.ds.lung_niches_study(), out=folder)
        result = run.result("allegiance.tumour-vs-normal-lung", Allegiance)
    axes = plot.allegiance(result)
    axes.set_title("Tumour vs normal lung, within donors", fontsize=10)
    figure = axes.get_figure(root=True)
    if figure is not None:
        path = HERE / "docs" / "_static" / "allegiance.png"
        figure.savefig(path, dpi=130, bbox_inches="tight", metadata={"Software": None})
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
