"""What the user brings: the study file, the sample sheet, the cells and the cohorts."""
