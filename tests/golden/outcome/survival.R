# Reference values for turncoat.outcome.hazards, from R's survival and metafor.
# Rscript survival.R  (in this folder) writes patients.csv, survival.json and session.txt.
library(survival); library(metafor)
set.seed(7)
n <- 120
d <- data.frame(score = rnorm(n), er = rbinom(n, 1, 0.6), age = round(rnorm(n, 55, 12)), site = sample(0:2, n, TRUE))
t <- rexp(n, 0.02 * exp(0.5 * d$score - 0.6 * d$er + 0.01 * (d$age - 55)))
c <- runif(n, 5, 90)
d$time <- pmax(1, ceiling(pmin(t, c)))            # whole months: many ties
d$event <- as.integer(t <= c)
d$time_untied <- pmin(t, c) + 0.01
write.csv(d, "patients.csv", row.names = FALSE)
one <- function(fit) list(coef = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))), loglik = fit$loglik[2])
efron <- coxph(Surv(time, event) ~ score + er + age, d, control = coxph.control(eps = 1e-12, iter.max = 50))
strat <- coxph(Surv(time, event) ~ score + age + strata(er), d, control = coxph.control(eps = 1e-12, iter.max = 50))
untied <- coxph(Surv(time_untied, event) ~ score + er + age, d, control = coxph.control(eps = 1e-12, iter.max = 50))
km <- survfit(Surv(time, event) ~ 1, d, conf.type = "log-log")
zu <- cox.zph(untied, transform = "km", terms = FALSE)$table
ze <- cox.zph(efron, transform = "km", terms = FALSE)$table
yi <- c(0.31, 0.05, 0.44, 0.18); vi <- c(0.04, 0.09, 0.06, 0.03)
ah <- rma(yi, vi, method = "DL", test = "adhoc")
yj <- c(0.61, -0.25, 0.74, 0.12, 0.02)
vj <- c(0.04, 0.05, 0.06, 0.03, 0.02)
het <- rma(yj, vj, method = "DL", test = "adhoc")
fe <- rma(yi, vi, method = "FE")
pool <- function(m) list(estimate = unname(m$b[1]), se = m$se, low = m$ci.lb, high = m$ci.ub, pvalue = m$pval, tau2 = m$tau2, q = m$QE, i2 = m$I2)
out <- list(
  efron = one(efron), stratified = one(strat), untied = one(untied),
  km = list(time = km$time, survival = km$surv, low = km$lower, high = km$upper, n_at_risk = km$n.risk),
  zph_untied = unname(zu[1:3, "p"]), zph_tied = unname(ze[1:3, "p"]),
  concordance = unname(concordance(efron)$concordance),
  concordance_stratified = unname(concordance(strat)$concordance),
  pooled = list(yi = yi, vi = vi, cautious = pool(ah), fixed = pool(fe)),
  spread = list(yi = yj, vi = vj, cautious = pool(het)))
# A writer of our own: no JSON package is assumed.
num <- function(x) ifelse(is.na(x), "null", formatC(x, digits = 17, format = "g"))
js <- function(x) if (is.list(x)) paste0("{", paste0('"', names(x), '": ', vapply(x, js, ""), collapse = ", "), "}") else if (length(x) == 1) num(x) else paste0("[", paste(num(x), collapse = ", "), "]")
writeLines(js(out), "survival.json")
session <- capture.output(sessionInfo())
writeLines(session[!grepl("/", session)], "session.txt")
