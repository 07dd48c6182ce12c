# Oracles for turncoat's statistics. Run in this folder: Rscript oracles.R
# Needs limma, edgeR, metafor, VGAM. Writes the CSV files beside it and session.txt.
suppressPackageStartupMessages({library(limma); library(edgeR); library(metafor); library(VGAM)})
options(digits = 17)
save <- function(x, name) write.csv(format(as.data.frame(x), digits = 17, trim = TRUE), paste0(name, ".csv"), row.names = FALSE, quote = FALSE)
set.seed(1)

# Moderated t with precision weights.
n <- 10; genes <- 40
group <- rep(0:1, each = 5); age <- round(rnorm(n, 60, 8), 1)
design <- cbind(intercept = 1, group = group, age = age)
y <- matrix(rnorm(genes * n), genes) * sqrt(1 / rgamma(genes, 4, 4)) + 3
y[1:5, group == 1] <- y[1:5, group == 1] + 2
w <- matrix(runif(genes * n, 0.2, 3), genes)
fit <- eBayes(lmFit(y, design, weights = w))
save(t(y), "moderated_values"); save(t(w), "moderated_weights"); save(design, "moderated_design")
save(data.frame(effect = fit$coefficients[, "group"], t = fit$t[, "group"], pvalue = fit$p.value[, "group"],
  s2_post = fit$s2.post, df_total = fit$df.total, df_prior = fit$df.prior, s2_prior = fit$s2.prior), "moderated")
plain <- eBayes(lmFit(y, design))
save(data.frame(effect = plain$coefficients[, "group"], t = plain$t[, "group"], pvalue = plain$p.value[, "group"],
  s2_post = plain$s2.post, df_total = plain$df.total, df_prior = plain$df.prior, s2_prior = plain$s2.prior), "moderated_plain")

# voom.
genes <- 300; n <- 8; group <- rep(0:1, each = 4)
mu <- exp(rnorm(genes, 3, 1.5)); size <- runif(n, 0.5, 2)
counts <- matrix(rnbinom(genes * n, mu = outer(mu, size), size = 5), genes)
design <- cbind(intercept = 1, group = group)
v <- voom(counts, design)
save(t(counts), "voom_counts"); save(design, "voom_design"); save(t(v$E), "voom_levels"); save(t(v$weights), "voom_weights")
vf <- eBayes(lmFit(v, design))
save(data.frame(t = vf$t[, "group"], pvalue = vf$p.value[, "group"]), "voom_fit")
x <- sort(rnorm(200)); yy <- sin(2 * x) + rnorm(200, 0, 0.3); l <- lowess(x, yy, f = 0.4)
save(data.frame(x = x, y = yy, fitted = l$y), "lowess")

# Pooling.
yi <- c(0.42, 0.11, 0.75, -0.2, 0.5); vi <- c(0.05, 0.02, 0.11, 0.04, 0.3)
hk <- rma(yi, vi, method = "DL", test = "knha"); dl <- rma(yi, vi, method = "DL"); fe <- rma(yi, vi, method = "FE")
same <- rma(c(0.3, 0.31, 0.29), c(0.05, 0.02, 0.11), method = "DL", test = "knha")
row <- function(name, f) data.frame(model = name, effect = f$b[1], error = f$se, pvalue = f$pval, low = f$ci.lb, high = f$ci.ub,
  tau2 = f$tau2, i2 = f$I2, q = f$QE, q_pvalue = f$QEp)
pr <- predict(hk)
save(rbind(row("hk", hk), row("dl", dl), row("fe", fe), row("same", same)), "pooling")
save(data.frame(low = pr$pi.lb, high = pr$pi.ub), "pooling_prediction")

# Beta-binomial.
total <- c(120, 80, 300, 150, 90, 200, 110, 260, 75, 140); count <- c(12, 5, 40, 9, 8, 44, 30, 51, 9, 35)
group <- rep(0:1, each = 5)
ctl <- function() vglm.control(epsilon = 1e-14, maxit = 500)
full <- vglm(cbind(count, total - count) ~ group, betabinomial, control = ctl())
null <- vglm(cbind(count, total - count) ~ 1, betabinomial, control = ctl())
save(data.frame(count, total, group), "betabinomial_values")
save(data.frame(intercept = coef(full)[1], rho = plogis(coef(full)[2]), effect = coef(full)[3], loglik = logLik(full),
  loglik_null = logLik(null), rho_null = plogis(coef(null)[2])), "betabinomial")

# Trimmed mean of M-values: few genes hold most of the counts in half of the donors; also a sparse table.
set.seed(2)
genes <- 250; n <- 9; group <- c(rep(0, 4), rep(1, 5))
mu <- exp(rnorm(genes, 2.5, 1.8)); size <- runif(n, 0.3, 2)
counts <- matrix(rnbinom(genes * n, mu = outer(mu, size), size = 4), genes)
counts[1:6, group == 1] <- counts[1:6, group == 1] * 25
counts[7, ] <- 0
sparse <- matrix(rpois(genes * n, 0.15), genes)
factors <- function(x) { f <- calcNormFactors(x); data.frame(factor = f, effective = f * colSums(x)) }
save(t(counts), "tmm_counts"); save(factors(counts), "tmm"); save(t(sparse), "tmm_sparse_counts"); save(factors(sparse), "tmm_sparse")
design <- cbind(intercept = 1, group = group)
v <- voom(calcNormFactors(DGEList(counts[-7, ])), design); vf <- eBayes(lmFit(v, design))

save(data.frame(effect = vf$coefficients[, "group"], t = vf$t[, "group"], pvalue = vf$p.value[, "group"]), "tmm_voom")
writeLines(capture.output(sessionInfo()), "session.txt")
