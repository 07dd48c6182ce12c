"""Row by row: quality, population, state, malignant or not."""
