"""The pages: self-contained, escaped, readable, and the same as the numbers behind them."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import turncoat as tc
from report.pages import BROWSER, EVIL, claim, evidence, full_page, look
from turncoat.errors import ArgumentError, FileFormatError, MissingFileError
from turncoat.report.answer import answer_of
from turncoat.report.claim import Claim, join_claims
from turncoat.report.page import render_plain, render_report
from turncoat.report.plain import plain_groups
from turncoat.report.section import Figure


class Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.images_without_text = 0
        self.identifiers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [named[k] or "" for k in ("src", "href", "srcset", "action") if k in named]
        self.images_without_text += tag == "img" and not named.get("alt")
        if named.get("id"):
            self.identifiers.append(str(named["id"]))


@pytest.mark.parametrize("render", [render_report, render_plain])
def test_the_page_needs_no_other_file_and_no_network(render: object) -> None:
    page = render(full_page())  # type: ignore[operator]
    parser = Addresses()
    parser.feed(page)
    allowed = re.compile(r"^(#|data:|plain\.html$|report\.html$)")
    assert [address for address in parser.found if not allowed.match(address)] == []
    assert parser.images_without_text == 0
    assert len(set(parser.identifiers)) == len(parser.identifiers)
    assert not re.search(r"https?://", re.sub(r"data:[^\"']*", "", page))
    assert {a[1:] for a in parser.found if a.startswith("#") and len(a) > 1} <= set(
        parser.identifiers
    )


@pytest.mark.parametrize("render", [render_report, render_plain])
def test_names_from_the_data_are_text_never_markup(render: object) -> None:
    page = render(full_page())  # type: ignore[operator]
    assert EVIL not in page
    assert "&lt;script&gt;alert" in page


def test_the_answer_comes_first_and_gravest_first() -> None:
    page = full_page()
    answer = page.answer
    assert answer.subjects[:3] == ("CD8 T", "NK", "Treg")
    assert "NK and CD8 T switched sides; 1 shown to be loyal, 2 inconclusive" in answer.lead
    html = render_report(page)
    assert html.index('id="answer"') < html.index("<nav") < html.index('id="allegiance"')
    assert [other.subject for other in answer.others] == ["NK → tumour"]
    assert answer_of([]).lead.startswith("No population could be judged")


def test_findings_on_one_rung_are_told_only_where_nothing_better_is_held() -> None:
    def other(name: str, qvalue: float, *kinds: str) -> Claim:
        rungs = [dataclasses.replace(evidence(rung=kind), qvalue=qvalue) for kind in kinds]
        made = claim(name, "gained", "c", *rungs)
        return dataclasses.replace(made, identifier=f"crosstalk/c/{name}")

    weak = [other(f"w{n}", 0.001 * (5 - n), "edge") for n in range(5)]
    unclear = other("u", 0.04, "edge")
    held = [other("later", 0.03, "edge", "response"), other("sooner", 0.01, "edge", "response")]
    told = [each.subject for each in answer_of([unclear, *weak]).others]
    assert told == ["w4", "w3", "w2"]
    assert [each.subject for each in answer_of([unclear, *weak, *held]).others] == [
        "sooner",
        "later",
    ]
    assert answer_of([unclear]).others == ()


def test_both_pages_say_research_use_only_and_synthetic() -> None:
    for page in (render_report(full_page()), render_plain(full_page())):
        assert "Research use only" in page
        assert "SYNTHETIC DATA" in page


def test_numbers_that_were_not_computed_are_dashes_and_nulls() -> None:
    html = render_report(full_page())
    assert ">nan<" not in html.lower()
    made = claim("NK", "inconclusive", "c", evidence())
    text = json.dumps(made.to_json(), allow_nan=False)
    assert json.loads(text)["grade"] == "weak"


def test_rungs_of_the_same_claim_join_into_one_ladder() -> None:
    parts = [
        claim("NK", "switched", "c", evidence(rung="outcome")),
        claim("NK", "switched", "c", evidence(rung="state")),
        claim("NK", "switched", "c", evidence(rung="response")),
        claim("B", "loyal", "c", evidence(bearing="open")),
    ]
    joined = join_claims(parts)
    assert [[e.rung for e in one.evidence] for one in joined] == [
        ["state", "response", "outcome"],
        ["state"],
    ]
    assert [one.grade for one in joined] == ["strong", "open"]
    assert claim("NK", "x", "c", evidence(n_cohorts=2)).grade == "moderate"
    assert claim("NK", "x", "c", evidence(), evidence("contradicts")).grade == "contradicted"


def test_a_claim_and_a_figure_refuse_what_a_reader_could_not_use() -> None:
    with pytest.raises(ArgumentError, match="A rung is one of"):
        evidence(rung="rumour")
    with pytest.raises(ArgumentError, match="A bearing is one of"):
        evidence(bearing="maybe")
    with pytest.raises(ArgumentError, match="needs an alternative text"):
        Figure("x", "data:,", "")


def test_claims_come_back_as_a_tidy_table(tmp_path: Path) -> None:
    claimed = [
        claim("NK", "switched", "c", evidence(), evidence(rung="edge")),
        claim("B", "x", "c"),
    ]
    text = json.dumps({"claims": [one.to_json() for one in claimed]})
    (tmp_path / "claims.json").write_text(text)
    table = tc.get.claims(tmp_path)
    assert list(table["subject"]) == ["NK", "NK", "B"]
    assert list(table["rung"]) == ["state", "edge", ""]
    assert table["effect"].isna().tolist() == [False, False, True]
    with pytest.raises(MissingFileError, match="no claims at"):
        tc.get.claims(tmp_path / "nowhere")
    (tmp_path / "claims.json").write_text("{}")
    with pytest.raises(FileFormatError, match="no file of claims"):
        tc.get.claims(tmp_path)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("render", [render_report, render_plain])
def test_a_browser_shows_it_without_error_and_without_sideways_scrolling(
    render: object, width: int, tmp_path: Path
) -> None:
    seen = look(render(full_page()), width, tmp_path)  # type: ignore[operator]
    assert seen.console == []
    assert seen.requests == []
    assert seen.page_width <= width
    if render is render_report:
        # Heads sort: names by letter, numbers by size with gaps last.
        assert seen.sorted_first[2:5] == ["0", "−1.5", "4e-05"]


def test_the_plain_page_says_the_same_words_once() -> None:
    twice = [claim("NK", "switched", contrast, evidence()) for contrast in ("a", "a", "b")]
    told = plain_groups(twice)[0].claims
    assert [one.contrast for one in told] == ["a", "b"]


def test_the_plain_page_names_whom_nobody_can_tell_under_the_open_question() -> None:
    asked = [
        dataclasses.replace(claim("Treg", "inconclusive", "a"), populations=("Treg",)),
        dataclasses.replace(
            claim("Treg, state", "cannot tell", ""),
            identifier="outcome/cohorts/Treg, state",
            populations=("Treg",),
        ),
        dataclasses.replace(
            claim("Treg, abundance", "cannot tell", ""),
            identifier="outcome/cohorts/Treg, abundance",
            populations=("Treg",),
        ),
    ]
    open_group = plain_groups(asked)[-1]
    assert [(each.contrast, each.names) for each in open_group.listed] == [
        ("a", ("regulatory T cells (Treg)",)),
        ("", ("regulatory T cells (Treg)",)),
    ]
    assert "do better or worse" in open_group.listed[1].question


def test_a_sure_signal_whose_answer_is_unknown_is_told() -> None:
    edge = claim("NK · WNT5A → FZD2 · Malignant", "not testable", "a", evidence(rung="edge"))
    titles = {group.title: group for group in plain_groups([edge])}
    assert titles["What else was seen"].claims == (edge,)
    assert "What nobody can tell from these data" not in titles
