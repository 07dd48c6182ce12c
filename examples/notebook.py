"""Which immune populations switched sides? Ten lines, on the built-in study."""

import turncoat as tc

cells = tc.ds.lung_niches()
tally = tc.pp.tally(
    cells,
    donor_key="donor",
    sample_key="sample",
    tissue_key="tissue",
    population_key="cell_type",
)
contrast = tc.Contrast("tissue", case="tLung", reference="nLung", block="donor")
result = tc.tl.allegiance(tally, contrast)
print(result.table[["population", "verdict", "n_donors", "qvalue", "reason"]])
