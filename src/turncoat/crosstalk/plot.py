"""Figures of crosstalk: edges, populations, and the donors behind one edge."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from turncoat.crosstalk.result import Crosstalk
from turncoat.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Size of the largest dot, in points squared.
LARGEST: Final = 130.0
EDGE_KEYS: Final = ["sender", "ligand", "receiver", "receptor", "tissue"]
ARMS: Final = ("#b2182b", "#2166ac")


def crosstalk(result: Crosstalk, *, n_edges: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Draw the best supported edges: colour is the change, size the donors, a ring means heard.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.crosstalk` found.
    n_edges
        Edges drawn, from the top of the table.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        One row per edge; whiskers are 95 % intervals.

    Examples
    --------
    >>> turncoat.pl.crosstalk(result)  # doctest: +SKIP
    """
    table = result.table[result.table["status"] == "tested"].head(n_edges).iloc[::-1]
    ax = _axes(ax, (8.2, 0.27 * len(table) + 1.2))
    names = [edge_name(row) for row in table.to_dict("records")]
    place = np.arange(len(table))
    donors = (table["present_case"] + table["present_reference"]).to_numpy(dtype=float)
    size = LARGEST * donors / max(donors.max(initial=1.0), 1.0)
    bound = max(float(table["change"].abs().max()) if len(table) else 1.0, 1e-9)
    ax.axvline(0, color="0.75", linewidth=0.8, zorder=0)
    ax.hlines(place, table["lower"], table["upper"], color="0.6", linewidth=1, zorder=1)
    heard = table["heard"].to_numpy()
    edge_colour = np.where(
        heard == "heard", "black", np.where(heard == "opposite", "#ff9900", "0.8")
    )
    drawn = ax.scatter(
        table["change"], place, c=table["change"], s=size, cmap="RdBu_r", vmin=-bound, vmax=bound,
        edgecolors=list(edge_colour), linewidths=1.6, zorder=2,
    )  # fmt: skip
    ax.set_yticks(place, names, fontsize=7)
    ax.set(xlabel=f"Change of edge strength, {_arms(result)} (log2)", ylim=(-0.7, len(table) - 0.3))
    ax.figure.colorbar(drawn, ax=ax, label="change (log2)", shrink=0.6)
    ax.set_title(
        f"size: donors with the edge, {donors.max(initial=0):.0f} at most; "
        "ring: black heard, orange opposite, grey not shown",
        fontsize=7,
        color="0.35",
    )
    return ax


def crosstalk_map(result: Crosstalk, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many edges each pair of populations gained (red) or lost (blue), net.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.crosstalk` found.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Senders × receivers; coloured by gained minus lost. Numbers say how many were gained and
        lost, each where there are any; a dot marks edges but no change.

    Examples
    --------
    >>> turncoat.pl.crosstalk_map(result)  # doctest: +SKIP
    """
    table = result.table
    senders, receivers = sorted(set(table["sender"])), sorted(set(table["receiver"]))
    gained, lost = (
        table.assign(n=table["verdict"] == verdict)
        .pivot_table(index="sender", columns="receiver", values="n", aggfunc="sum")
        .reindex(index=senders, columns=receivers)
        .fillna(0)
        .to_numpy(dtype=int)
        for verdict in ("gained", "lost")
    )
    net = gained - lost
    ax = _axes(ax, (0.42 * len(receivers) + 2.4, 0.34 * len(senders) + 1.9))
    bound = max(float(np.abs(net).max(initial=1)), 1.0)
    ax.imshow(net, cmap="RdBu_r", vmin=-bound, vmax=bound, aspect="auto")
    for (row, column), value in np.ndenumerate(net):
        up, down = gained[row, column], lost[row, column]
        text = " ".join(f"{sign}{n}" for sign, n in (("+", up), ("\u2212", down)) if n)
        colour = "0.6" if not text else "white" if abs(value) > 0.6 * bound else "black"
        ax.text(
            column, row, text or "·", ha="center", va="center", fontsize=7 if up * down == 0 else 6,
            color=colour,
        )  # fmt: skip
    ax.set_xticks(range(len(receivers)), receivers, rotation=60, ha="right", fontsize=8)
    ax.set_yticks(range(len(senders)), senders, fontsize=8)
    ax.set(
        xlabel="receiver", ylabel="sender", title=f"Edges gained (+) and lost (−), {_arms(result)}"
    )
    ax.title.set_fontsize(9)
    return ax


def crosstalk_donors(result: Crosstalk, *, rank: int = 1, ax: "Axes | None" = None) -> "Axes":
    """Draw the donors behind one edge: the signal against the receiver's response.

    Parameters
    ----------
    result
        What :func:`turncoat.tl.crosstalk` found.
    rank
        Which edge, by its rank in the table.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        One point per donor and arm; without a known response, the receptor takes its place.

    Raises
    ------
    ArgumentError
        When the donors of that rank were not kept.

    Examples
    --------
    >>> turncoat.pl.crosstalk_donors(result)  # doctest: +SKIP
    """
    chosen = result.table[result.table["rank"] == rank]
    keys = EDGE_KEYS
    donors = result.donors.merge(chosen[keys], on=keys) if len(chosen) else result.donors.head(0)
    if donors.empty:
        raise ArgumentError(
            f"No donors are kept for rank {rank}; the result keeps those of the first edges, "
            f"{len(result.donors.drop_duplicates(keys))} of {len(result.table)}."
        )
    row = {str(key): value for key, value in chosen.iloc[0].items()}
    answered = donors["response_score"].notna().any()
    column = "response_score" if answered else "receptor_level"
    ax = _axes(ax, (4.2, 3.4))
    for arm, colour in zip((result.params["case"], result.params["reference"]), ARMS, strict=True):
        some = donors[donors["arm"] == arm]
        ax.scatter(some["signal"], some[column], color=colour, s=26, alpha=0.85, label=arm)
    ax.set_xlabel(f"{row['ligand']} in {row['sender']} (log2)")
    ax.set_ylabel(
        f"{row['response']} in {row['receiver']} (log2)"
        if answered
        else f"{row['receptor']} in {row['receiver']} (log2)"
    )
    verdict = f"{row['verdict']}, {row['heard']}"
    ax.set_title(f"{edge_name(row)}\n{verdict}", fontsize=7)
    ax.legend(frameon=False, fontsize=8)
    return ax


def edge_name(row: Mapping[Any, Any]) -> str:
    """Write an edge as a reader says it."""
    tissue = f" ({row['tissue']})" if row.get("tissue") not in {None, "", "all"} else ""
    return f"{row['sender']} · {row['ligand']} → {row['receptor']} · {row['receiver']}{tissue}"


def _arms(result: Crosstalk) -> str:
    return f"{result.params['case']} − {result.params['reference']}"


def _axes(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]
