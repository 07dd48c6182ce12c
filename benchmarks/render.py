"""Make ``docs/benchmarks.md`` out of every file in ``benchmarks/results``.

Run ``python benchmarks/render.py`` after any benchmark. A room without results is not an error.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"

INTRO = """# Benchmarks

Every figure below was written by a script in `benchmarks/` that ran turncoat and its peers in turn,
each as a fresh process, on the same input. CPU is user plus system seconds of the whole process and
its children; peak memory is what the operating system saw. A bar is met or missed as measured; a
missed bar stays here until it is met. Wall times taken on a busy machine are marked.

This page is made by `python benchmarks/render.py`; `python benchmarks/<name>.py` repeats one set.
"""


def number(value: float | None) -> str:
    """Write a figure with three significant digits."""
    if value is None:
        return "–"
    if value != 0 and (abs(value) >= 1e5 or abs(value) < 1e-3):
        return f"{value:.2e}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def bound(entry: dict[str, Any]) -> str:
    """Write the bar: a bound on the ratio or on the figure itself."""
    sign = "≥" if entry.get("at_least") else "≤"
    if entry.get("max_ratio") is not None:
        return f"{sign} {number(entry['max_ratio'])} × {entry.get('peer_name') or 'peer'}"
    if entry.get("limit") is not None:
        return f"{sign} {number(entry['limit'])} {entry.get('unit', '')}".strip()
    return "–"


def verdict(met: bool | None) -> str:
    """Write whether a bar was met."""
    return "not measured" if met is None else ("met" if met else "**missed**")


def section(result: dict[str, Any]) -> str:
    """Render one room's results."""
    lines = [f"## {result.get('title', result['name'])}", ""]
    took = f", takes about {result['took_s']:.0f} s" if result.get("took_s") else ""
    versions = ", ".join(f"{k} {v}" for k, v in result.get("versions", {}).items())
    lines += [
        f"{result['date']}, {result['machine']}, load average {result.get('load_average', '–')}{took}. {versions}.",
        "",
        "| what | ours | peer | ratio | bar | | note |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in result.get("bars", []):
        peer = f"{number(entry.get('peer'))} ({entry['peer_name']})" if entry.get("peer") else "–"
        cells = [
            entry["what"],
            f"{number(entry.get('ours'))} {entry.get('unit', '')}".strip(),
            peer,
            number(entry.get("ratio")),
            bound(entry),
            verdict(entry.get("met")) if bound(entry) != "–" else "for information",
            entry.get("note", ""),
        ]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    lines += jobs_table(result.get("jobs", []))
    lines += [f"\n{note}" for note in result.get("notes", [])]
    return "\n".join(lines) + "\n"


def jobs_table(jobs: list[dict[str, Any]]) -> list[str]:
    """Render what each process cost."""
    if not jobs:
        return []
    lines = [
        "",
        "| process | CPU s | wall s | peak GiB | load | runs |",
        "|---|---|---|---|---|---|",
    ]
    for job in jobs:
        name = job["name"] + (f" (failed: {job['failed']})" if job.get("failed") else "")
        figures = [number(job.get(key)) for key in ("cpu_s", "wall_s", "peak_gib", "load")]
        lines.append(f"| {name} | " + " | ".join(figures) + f" | {job.get('n_runs', 0)} |")
    return lines


def summary(results: list[dict[str, Any]]) -> str:
    """Count bars met and missed over all rooms."""
    bars = [entry for result in results for entry in result.get("bars", [])]
    bars = [entry for entry in bars if bound(entry) != "–"]
    met = sum(entry.get("met") is True for entry in bars)
    missed = sum(entry.get("met") is False for entry in bars)
    return f"Bars: {met} met, {missed} missed, {len(bars) - met - missed} not measured.\n"


def main() -> int:
    """Write the page; a damaged result file is named and left out."""
    results, damaged = [], []
    for path in sorted((HERE / "results").glob("*.json")):
        try:
            results.append(json.loads(path.read_text(encoding="utf-8")))
        except json.JSONDecodeError:
            damaged.append(path.name)
    body = [INTRO, summary(results), *(section(result) for result in results)]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(body), encoding="utf-8")
    for name in damaged:
        print(f"left out, not JSON: {name}", file=sys.stderr)
    return bool(damaged)


if __name__ == "__main__":
    sys.exit(main())
