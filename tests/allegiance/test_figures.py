import pytest
from matplotlib import pyplot as plt

import turncoat as tc
from allegiance.study import PROGRAMMES, planted_tally
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
