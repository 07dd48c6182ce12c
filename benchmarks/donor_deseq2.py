"""PyDESeq2's own numerical back end done for all genes at once: for thousands of studies; its interpreter runs it.

PyDESeq2 lets a caller hand in the solver of its optimisation problems (``inference``). Its default one
calls SciPy for each gene; this one solves the same problems (same likelihoods, priors, bounds and
stopping rules) with arrays. ``python donor_deseq2.py FIRST LAST`` prints how far the two disagree.
"""

import sys

import numpy as np
from pydeseq2.default_inference import DefaultInference
from scipy import special, stats

RIDGE = 1e-6
GRID = 25
GOLDEN = (np.sqrt(5) - 1) / 2


def negative_loglik(counts: np.ndarray, mu: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Per gene, up to what does not depend on mean or dispersion."""
    size = 1 / alpha
    value = special.gammaln(size) - special.gammaln(counts + size)
    value += (counts + size) * np.log(mu + size) - counts * np.log(mu) + size * np.log(alpha)
    return value.sum(axis=0)


def normal_matrices(design: np.ndarray, weights: np.ndarray) -> np.ndarray:
    products = design[:, :, None] * design[:, None, :]
    flat = weights.T @ products.reshape(len(design), -1)
    return flat.reshape(-1, design.shape[1], design.shape[1])


# ruff: noqa: ARG002 - the arguments are PyDESeq2's
class AllGenes(DefaultInference):
    """The same answers as the default, to the optimiser's tolerance."""

    def lin_reg_mu(self, counts, size_factors, design_matrix, min_mu):
        levels = counts / size_factors[:, None]
        fitted = design_matrix @ np.linalg.lstsq(design_matrix, levels, rcond=None)[0]
        return np.maximum(size_factors[:, None] * fitted, min_mu)

    def alpha_mle(
        self, counts, design_matrix, mu, alpha_hat, min_disp, max_disp, prior_disp_var=None,
        cr_reg=True, prior_reg=False, optimizer="L-BFGS-B",
    ):  # fmt: skip
        centre = np.log(alpha_hat)

        def loss(logged: np.ndarray) -> np.ndarray:
            alpha = np.exp(logged)
            value = negative_loglik(counts, mu, alpha)
            if cr_reg:
                matrices = normal_matrices(design_matrix, mu / (1 + mu * alpha))
                value = value + 0.5 * np.linalg.slogdet(matrices)[1]
            if prior_reg:
                value = value + (logged - centre) ** 2 / (2 * prior_disp_var)
            return value

        low, high = np.log(min_disp), np.log(max_disp)
        grid = np.linspace(low, high, GRID)
        best = np.argmin([loss(np.full(mu.shape[1], point)) for point in grid], axis=0)
        left = grid[np.maximum(best - 1, 0)]
        right = grid[np.minimum(best + 1, GRID - 1)]
        for _ in range(24):
            a, b = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
            lower = loss(a) < loss(b)
            left, right = np.where(lower, left, a), np.where(lower, b, right)
        return np.exp((left + right) / 2), np.ones(mu.shape[1], dtype=bool)

    def irls(
        self, counts, size_factors, design_matrix, disp, min_mu, beta_tol, min_beta=-30,
        max_beta=30, optimizer="L-BFGS-B", maxiter=250,
    ):  # fmt: skip
        factors = size_factors[:, None]
        ridge = RIDGE * np.eye(design_matrix.shape[1])
        beta = np.linalg.lstsq(design_matrix, np.log(counts / factors + 0.1), rcond=None)[0].T
        mu = np.maximum(factors * np.exp(design_matrix @ beta.T), min_mu)
        deviance, open_ = np.full(counts.shape[1], 1000.0), np.ones(counts.shape[1], dtype=bool)
        for _ in range(maxiter):
            weights = mu / (1 + mu * disp)
            working = np.log(mu / factors) + (counts - mu) / mu
            right = np.einsum("ni,ng->gi", design_matrix, weights * working)
            matrices = normal_matrices(design_matrix, weights) + ridge
            step = np.linalg.solve(matrices, right[..., None])[..., 0]
            beta = np.where(open_[:, None], step, beta)
            mu = np.maximum(factors * np.exp(design_matrix @ beta.T), min_mu)
            constant = special.gammaln(counts + 1).sum(axis=0)
            now = -2 * (negative_loglik(counts, mu, disp) + constant)
            open_ &= np.abs(now - deviance) / (np.abs(now) + 0.1) > beta_tol
            deviance = now
            if not open_.any():
                break
        weights = mu / (1 + mu * disp)
        inverse = np.linalg.inv(normal_matrices(design_matrix, weights) + ridge)
        hat = weights * np.einsum("ni,gij,nj->ng", design_matrix, inverse, design_matrix)
        plain = factors * np.exp(design_matrix @ beta.T)
        return beta, plain, hat, (~open_) & (np.abs(beta) < max_beta).all(axis=1)

    def wald_test(
        self, design_matrix, disp, lfc, mu, ridge_factor, contrast, lfc_null, alt_hypothesis=None
    ):
        if alt_hypothesis is not None:
            raise NotImplementedError("Only the default two-sided test is here.")
        matrices = normal_matrices(design_matrix, mu / (1 + mu * disp))
        inverse = np.linalg.inv(matrices + ridge_factor)
        contrast = np.asarray(contrast, dtype=float)
        column = inverse @ contrast
        error = np.sqrt(np.einsum("gi,gij,gj->g", column, matrices, column))
        statistic = (np.asarray(lfc) - lfc_null) @ contrast / error
        return 2 * stats.norm.sf(np.abs(statistic)), statistic, error


def main() -> None:
    from donor_peers import deseq2
    from donor_study import sums

    differences = []
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        for n_cells, effect in ((100, 0.0), (20, 0.5)):
            data = sums(seed, n_per_arm=6, n_cells=n_cells, effect=effect)
            slow = deseq2(data["sums"], data["arm"], gene_by_gene=True)
            quick = deseq2(data["sums"], data["arm"])
            differences.append(abs(slow - quick))
    median, most = np.median(differences), max(differences)
    print(f"programme's mean Wald statistic: median difference {median:.2g}, largest {most:.2g}")


if __name__ == "__main__":
    main()
