"""Claims, the page for researchers, the page in plain words."""
