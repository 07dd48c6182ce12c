"""The pages: everything that the templates show, gathered and rendered."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from turncoat.report.answer import Answer, answer_of
from turncoat.report.cells import head_of, mark_of, rows_of, word
from turncoat.report.claim import Claim, join_claims
from turncoat.report.plain import PlainGroup, plain_groups
from turncoat.report.section import Section, Table


@dataclass(frozen=True, slots=True)
class Banner:
    """A line that no reader may miss."""

    head: str
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """A section in its place on the page."""

    anchor: str
    section: Section
    ladders: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All that the pages show.

    Parameters
    ----------
    title
        Title of the study.
    facts
        Donors, samples, cells and species in one line.
    plain_facts
        The same in a plain sentence.
    plain_limits
        What this study cannot show, in plain sentences.
    banners
        What no reader may miss: synthetic data, one donor.
    sections
        The rooms' sections by anchor, in reading order.
    dropped
        What was left out, a table per room.
    skipped
        Questions that were not asked, and why.
    provenance
        Tables of versions, inputs, parameters and knowledge.
    version
        Version of turncoat.
    """

    title: str
    facts: str
    plain_facts: str
    version: str
    sections: Mapping[str, Section]
    banners: tuple[Banner, ...] = ()
    dropped: tuple[Table, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    provenance: tuple[Table, ...] = ()
    plain_limits: tuple[str, ...] = ()

    @property
    def claims(self) -> list[Claim]:
        """The claims of all sections, joined into ladders."""
        return join_claims(claim for part in self.sections.values() for claim in part.claims)

    @property
    def answer(self) -> Answer:
        """The top of the page."""
        return answer_of(self.claims)

    @property
    def parts(self) -> list[Part]:
        """The sections in order, each with the full ladders of its claims."""
        joined = {claim.identifier: claim for claim in self.claims}
        return [
            Part(
                anchor,
                section,
                tuple(joined[i] for i in _unique(c.identifier for c in section.claims)),
            )
            for anchor, section in self.sections.items()
        ]

    @property
    def dropped_lead(self) -> str:
        """How much was left out, in a sentence."""
        n = sum(len(table.frame) for table in self.dropped)
        if not n:
            return "Nothing was left out: every cell, gene, sample and population was used."
        return f"Nothing is left out in silence; these {n} entries say what was, and why."

    @property
    def plain_groups(self) -> Sequence[PlainGroup]:
        """The claims sorted by what a lay reader asks."""
        return plain_groups(self.claims)


def _unique(names: Any) -> list[str]:
    return list(dict.fromkeys(names))


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("turncoat.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "heads": lambda table: [head_of(table, name) for name in table.frame.columns],
        "rows": rows_of,
        "mark": mark_of,
    }
    environment.filters["words"] = word
    return environment


def _own(name: str) -> Markup:
    # Our own style and script, not anybody's data: the one text that is not escaped.
    source, _, _ = _templates().loader.get_source(_templates(), name)  # type: ignore[union-attr]
    return Markup(source)  # noqa: S704


def render_report(page: Page) -> str:
    """Render the page for researchers: one file that needs no other."""
    template = _templates().get_template("report.html")
    return template.render(page=page, style=_own("style.css"), script=_own("sort.js"))


def render_plain(page: Page) -> str:
    """Render the page in plain words."""
    return _templates().get_template("plain.html").render(page=page, style=_own("style.css"))


def facts_table(title: str, facts: Mapping[str, object], heads: tuple[str, str]) -> Table:
    """Lay out a mapping as a table of two columns."""
    rows = [(str(name), str(value)) for name, value in facts.items()]
    return Table(title, pd.DataFrame(rows, columns=list(heads)), verdicts=())
