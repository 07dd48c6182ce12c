# Programme statistic of limma-voom per study: Rscript donor_limma.R IN.csv OUT.csv
# IN: study, arm, then one column per gene; OUT: study, mean moderated t over the first 12 genes.
suppressPackageStartupMessages(library(limma))
arguments <- commandArgs(trailingOnly = TRUE)
given <- read.csv(arguments[1])
found <- sapply(split(given, given$study), function(one) {
  counts <- t(as.matrix(one[, -(1:2)]))
  design <- cbind(1, one$arm)
  fit <- eBayes(lmFit(voom(counts, design), design))
  mean(fit$t[1:12, 2])
})
write.csv(data.frame(study = names(found), statistic = found), arguments[2], row.names = FALSE)
