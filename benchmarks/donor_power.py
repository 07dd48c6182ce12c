"""Power on planted switches at an equal true false-positive rate: parts ``power``, ``rare``, ``together``.

Six against six donors; twelve genes of a programme rise. Each method gives one figure per study, for the same
studies, and its threshold is the 95 % quantile of that figure's size in studies where nothing is planted: nobody
gains by a wrong p-value. Intervals resample the studies, null ones too, the same for all methods, so that
a difference between two methods comes with an interval of its own.

The seeds begin at 2,800,000 (null) and 2,900,000 (planted); methods were chosen on seeds below 100,000. Figures
reported before, of other scores, were of seeds 2,000,000 and 2,100,000.
"""

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
import numpy as np
from donor_null import CACHE, GENES, HERE, donors_of, harm_score, moderated_study, peer_run
from donor_study import N_GENES, sums
from scipy import stats as distributions

from turncoat.allegiance import background, scores
from turncoat.stats import estimate, parts, permutation, scale
from turncoat.stats.compare import compare

N_DONORS = 6
OURS = ("turncoat, permutation", "turncoat, moderated")
PEERS = ("pydeseq2", "limma-voom", "decoupler + t")
LEVELS = np.round(np.linspace(0, 0.5, 51), 2)
N_BOOT = 2_000

Seeds = list[tuple[int, int]]


def ours(seeds: Seeds, n_cells: int, effect: float, shared: float) -> dict[str, np.ndarray]:
    """Statistic and p-value of both of turncoat's tests, and the plain shift, per study."""
    rows = [row for piece in seeds for row in piece_of_ours(piece, n_cells, effect, shared)]
    own, moderated, shift, exact, student = np.array(rows).T
    return {OURS[0]: own, OURS[1]: moderated, "plain shift": shift, "p, permutation": exact, "p, moderated": student}  # fmt: skip


def code() -> str:
    """What turncoat's figures depend on: they are measured again when it changes."""
    modules = (background, estimate, parts, permutation, scale, scores)
    sources = b"".join(Path(module.__file__).read_bytes() for module in modules)
    return hashlib.sha256(sources).hexdigest()[:12]


def piece_of_ours(
    piece: tuple[int, int], n_cells: int, effect: float, shared: float
) -> list[list[float]]:
    first, last = piece
    kept = CACHE / f"donor-ours-{code()}-{first}-{last}-{n_cells}-{effect}-{shared}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    rows = []
    for seed in range(first, last):
        plain, learned = moderated_study(seed, N_DONORS, n_cells, effect=effect, shared=shared)
        own = plain.effect[0] / plain.error[0]
        moderated = learned.effect[0] / learned.error[0]
        data = sums(seed, n_per_arm=N_DONORS, n_cells=n_cells, effect=effect, shared=shared)
        exact = compare(harm_score(data["sums"])[:, np.newaxis], donors_of(data))[0].pvalue()
        student = 2 * distributions.t.sf(abs(moderated), learned.freedom[0])
        row = (own, moderated, plain.effect[0], exact[0], student)
        rows.append([float(value) for value in row])
    CACHE.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(rows))
    return rows


def limma(first: int, last: int, n_cells: int, effect: float, shared: float) -> np.ndarray | None:
    """Mean moderated t of the programme's genes, per study."""
    if shutil.which("Rscript") is None:
        return None
    kept = CACHE / f"donor-limma-{first}-{last}-{n_cells}-{effect}-{shared}.csv"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            given, out = Path(folder, "in.csv"), Path(folder, "out.csv")
            with given.open("w", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(["study", "arm", *(f"g{i}" for i in range(N_GENES))])
                for seed in range(first, last):
                    data = sums(
                        seed, n_per_arm=N_DONORS, n_cells=n_cells, effect=effect, shared=shared
                    )
                    for case, row in zip(data["arm"], data["sums"], strict=True):
                        writer.writerow([f"{seed:07d}", int(case), *row.astype(int)])
            command = ["Rscript", str(HERE / "donor_limma.R"), str(given), str(out)]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return None
            CACHE.mkdir(parents=True, exist_ok=True)
            kept.write_text(out.read_text())
    with kept.open() as stream:
        return np.array([float(row["statistic"]) for row in csv.DictReader(stream)])


def peers(seeds: Seeds, n_cells: int, effect: float, shared: float) -> dict[str, np.ndarray]:
    """The peers' figures per study; a peer that is not installed is absent."""
    found: dict[str, list[np.ndarray]] = {}
    for first, last in seeds:
        said = peer_run("power", first, last, n_cells, effect, shared)
        if said is not None:
            found.setdefault("pydeseq2", []).append(np.array(said["pydeseq2"]))
            found.setdefault("decoupler + t", []).append(np.array(said["decoupler"]))
        fitted = limma(first, last, n_cells, effect, shared)
        if fitted is not None:
            found.setdefault("limma-voom", []).append(fitted)
    return {name: np.concatenate(found[name]) for name in PEERS if name in found}


def every(seeds: Seeds, n_cells: int, effect: float, shared: float) -> dict[str, np.ndarray]:
    found = ours(seeds, n_cells, effect, shared) | peers(seeds, n_cells, effect, shared)
    return {name: values if name.startswith("p,") else np.abs(values) for name, values in found.items()}  # fmt: skip


def bounds(drawn: np.ndarray) -> list[float]:
    return [float(edge) for edge in np.quantile(drawn, [0.025, 0.975], axis=0)]


class Resampled:
    """Null and planted studies, drawn again and again, the same draws for every method."""

    def __init__(self, null: dict[str, np.ndarray], planted: dict[float, dict[str, np.ndarray]]):
        rng = np.random.default_rng(0)
        self.null, self.planted = null, planted
        n = next(iter(null.values())).size
        self.draws = rng.integers(n, size=(N_BOOT, n))
        self.again = {
            effect: rng.integers(m := next(iter(found.values())).size, size=(N_BOOT, m))
            for effect, found in planted.items()
        }

    def power(self, name: str, effect: float) -> tuple[float, np.ndarray]:
        null, planted = self.null[name], self.planted[effect][name]
        edges = np.quantile(null[self.draws], 0.95, axis=1)
        drawn = (planted[self.again[effect]] > edges[:, np.newaxis]).mean(axis=1)
        return float(np.mean(planted > np.quantile(null, 0.95))), drawn

    def roc(self, name: str, effect: float) -> dict[str, list[float]]:
        null, planted = self.null[name], self.planted[effect][name]

        def curve(nothing: np.ndarray, something: np.ndarray) -> np.ndarray:
            edges = np.quantile(nothing, 1 - LEVELS)
            edges[0] = nothing.max()
            return (something[np.newaxis] > edges[:, np.newaxis]).mean(axis=1)

        drawn = [curve(null[i], planted[j]) for i, j in zip(self.draws[:400], self.again[effect][:400], strict=True)]  # fmt: skip
        lower, upper = np.quantile(drawn, [0.025, 0.975], axis=0)
        return {
            "fpr": LEVELS.tolist(), "tpr": np.round(curve(null, planted), 4).tolist(),
            "lower": np.round(lower, 4).tolist(), "upper": np.round(upper, 4).tolist(),
        }  # fmt: skip


def compare_methods(
    label: str, n_cells: int, null_seeds: Seeds, effects: dict[float, Seeds], shared: float
) -> dict[str, object]:
    null = every(null_seeds, n_cells, 0.0, shared)
    planted = {e: every(seeds, n_cells, e, shared) for e, seeds in effects.items()}
    drawn = Resampled(null, planted)
    methods = [name for name in (*OURS, "plain shift", *PEERS) if name in null]
    table: dict[str, dict[str, object]] = {}
    mean: dict[str, tuple[float, np.ndarray]] = {}
    for name in methods:
        each = {effect: drawn.power(name, effect) for effect in effects}
        table[name] = {f"{effect:g}": {"power": p, "interval": bounds(b)} for effect, (p, b) in each.items()}  # fmt: skip
        mean[name] = (float(np.mean([p for p, _ in each.values()])), np.mean([b for _, b in each.values()], axis=0))  # fmt: skip
    bars = []
    for own in OURS:
        for peer in PEERS:
            if peer not in mean:
                continue
            low, high = bounds(mean[own][1] - mean[peer][1])
            note = f"[{bounds(mean[own][1])[0]:.2f}, {bounds(mean[own][1])[1]:.2f}]; paired difference {mean[own][0] - mean[peer][0]:+.3f} [{low:+.3f}, {high:+.3f}]"
            bars.append(harness.bar(f"power, {label}, {own} test", mean[own][0], unit="share", peer=mean[peer][0],
                                    peer_name=peer, max_ratio=1.0, at_least=True, note=note))  # fmt: skip
    nominal = nominal_rates(null, planted)
    n_null = sum(last - first for first, last in null_seeds)
    sizes = ", ".join(f"{e:g}: {sum(b - a for a, b in seeds)}" for e, seeds in effects.items())
    said = "; ".join(f"{name} " + ", ".join(f"{cell['power']:.2f} [{cell['interval'][0]:.2f}, {cell['interval'][1]:.2f}]" for cell in row.values()) for name, row in table.items())  # fmt: skip
    note = (
        f"{label}, thresholds of {n_null} null studies, planted studies per effect (log2) {sizes}: {said}. "
        f"At p <= 0.05 as each reports it, null then planted: "
        + "; ".join(f"{name} " + ", ".join(f"{value:.2f}" for value in values) for name, values in nominal.items())
    )  # fmt: skip
    curves = {
        f"{effect:g}": {name: drawn.roc(name, effect) for name in methods} for effect in effects
    }
    seeds = {"null": null_seeds, **{f"{e:g}": s for e, s in effects.items()}}
    return {"bars": bars, "power": table, "nominal": nominal, "roc": curves, "seeds": seeds, "notes": [note]}  # fmt: skip


def nominal_rates(
    null: dict[str, np.ndarray], planted: dict[float, dict[str, np.ndarray]]
) -> dict[str, list[float]]:
    """Share called at p <= 0.05: what a study of its own would say, null first.

    limma and PyDESeq2 give a programme no p-value; the mean of its genes' statistics is given the
    one that it would have if the genes were independent.
    """
    found = {}
    for name in ("p, permutation", "p, moderated"):
        found[name.replace("p, ", "turncoat, ")] = [float(np.mean(values[name] <= 0.05)) for values in (null, *planted.values())]  # fmt: skip
    for name in ("pydeseq2", "limma-voom"):
        if name in null:
            edge = 1.96 / np.sqrt(GENES.size)
            found[f"{name}, genes taken as independent"] = [float(np.mean(values[name] > edge)) for values in (null, *planted.values())]  # fmt: skip
    return found


def chunks(first: int, n: int, size: int = 500) -> Seeds:
    """Seeds in pieces whose peers take a minute each."""
    return [(first + at, first + min(at + size, n)) for at in range(0, n, size)]


#: Fixed before anything was measured on them: 1,000 null studies tell a threshold's rate to 0.007.
NULL = chunks(2_800_000, 1_000)
MANY, SOME, FEW = (chunks(2_900_000, n) for n in (300, 200, 100))
#: Label, cells a donor, how much genes of a programme move together, effects (log2) with their seeds.
SETTINGS: dict[str, tuple[str, int, float, dict[float, Seeds]]] = {
    "power": ("6 vs 6 donors, 100 cells a donor", 100, 0.0, {0.3: MANY, 0.5: SOME, 0.7: FEW}),
    "rare": ("rare population, 6 vs 6 donors, 20 cells a donor", 20, 0.0, {0.3: MANY, 0.5: SOME}),
    "together": ("genes of programmes move together, 6 vs 6, 100 cells", 100, 0.3, {0.7: MANY}),
}


def _part(name: str) -> dict[str, object]:
    label, n_cells, shared, effects = SETTINGS[name]
    return compare_methods(label, n_cells, NULL, effects, shared)


def power_part() -> dict[str, object]:
    return _part("power")


def rare_part() -> dict[str, object]:
    return _part("rare")


def together_part() -> dict[str, object]:
    return _part("together")


def main() -> None:
    """Keep what the peers find, piece by piece: python donor_power.py PART..."""
    for name in sys.argv[1:] or SETTINGS:
        _, n_cells, shared, effects = SETTINGS[name]
        for effect, seeds in ({0.0: NULL} | effects).items():
            for piece in seeds:
                peers([piece], n_cells, effect, shared)
                print(name, effect, piece, flush=True)


if __name__ == "__main__":
    main()
