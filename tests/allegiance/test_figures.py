import itertools

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text

import turncoat as tc
from allegiance.study import PROGRAMMES, planted_tally
from turncoat.allegiance.plot_text import label_points
from turncoat.allegiance.result import Allegiance
from turncoat.errors import MissingKeyError


@pytest.fixture(scope="module")
def result() -> Allegiance:
    contrast = tc.Contrast("tissue", "tumour", "normal", block="donor")
    return tc.tl.allegiance(planted_tally(), contrast, programmes=PROGRAMMES)


def test_the_verdict_figure_shows_every_population(result: Allegiance) -> None:
    axes = tc.pl.allegiance(result)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["Treg", "NK"]
    assert "log2" in axes.get_xlabel()
    plt.close("all")


def test_the_donor_figure_joins_every_pair(result: Allegiance) -> None:
    axes = tc.pl.allegiance_donors(result, "NK")
    assert len(axes.lines) == 2 * 8
    plt.close("all")
    with pytest.raises(MissingKeyError, match=r"'NKK'.*Did you mean 'NK'"):
        tc.pl.allegiance_donors(result, "NKK")


def test_the_map_sends_the_switched_population_to_the_lower_right(result: Allegiance) -> None:
    axes = tc.pl.allegiance_map(result)
    spots = {text.get_text(): text.xy for text in axes.texts if hasattr(text, "xy")}
    assert spots["NK"][0] > 0.5 > -0.5 > spots["NK"][1]
    plt.close("all")


def test_panels_hold_one_population_each(result: Allegiance) -> None:
    figure = tc.pl.allegiance_panels(result).figure
    assert [a.get_title() for a in figure.axes if a.get_visible()] == ["NK", "Treg"]
    plt.close("all")


def test_names_on_a_crowded_map_lie_apart_near_their_points_and_on_the_figure() -> None:
    rng = np.random.default_rng(0)
    axes = plt.subplots(figsize=(5, 4))[1]
    points = rng.normal(size=(40, 2))
    axes.scatter(*points.T)
    label_points(axes, [(f"population {i}", float(x), float(y)) for i, (x, y) in enumerate(points)])
    axes.figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without its thread
    assert 10 < len(boxes) < 40
    assert "population 0" in {text.get_text() for text in axes.texts}
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    window = axes.get_window_extent()
    assert all(window.x0 <= box.x0 and box.x1 <= window.x1 for box in boxes)
    plt.close("all")


def test_long_names_and_many_populations_leave_room_for_the_figure() -> None:
    tally = planted_tally(n_donors=6)
    long = "CD56bright CXCR6+ tissue-resident natural killer cells of the lung"
    tally.obs["population"] = tally.obs["population"].astype(str).replace("NK", long)
    tally.obs_names = tally.obs["sample"].astype(str) + "|" + tally.obs["population"]
    contrast = tc.Contrast("tissue", "tumour", "normal", block="donor")
    found = tc.tl.allegiance(tally, contrast, programmes=PROGRAMMES, matches={long: "NK"})
    for axes in (tc.pl.allegiance(found), tc.pl.reach(
        tc.tl.reach(tally, contrast, programmes=PROGRAMMES, matches={long: "NK"})
    )):  # fmt: skip
        axes.figure.canvas.draw()
        assert axes.get_position().width > 0.35
        assert any("\n" in text.get_text() for text in axes.get_yticklabels())
    plt.close("all")
