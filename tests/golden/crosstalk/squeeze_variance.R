# limma's moderation of variances, as an oracle. Rscript squeeze_variance.R > squeeze_variance.csv
library(limma)
set.seed(1)
df <- rep(c(6, 9), each = 40)
var <- 0.3 * (4 / rchisq(80, 4)) * rchisq(80, df) / df
out <- squeezeVar(var, df)
cat("# df.prior", format(out$df.prior[1], digits = 15), "var.prior", format(out$var.prior[1], digits = 15), "\n")
write.csv(data.frame(var = var, df = df, post = out$var.post), row.names = FALSE)
cat("#", R.version.string, "limma", as.character(packageVersion("limma")), "\n")
