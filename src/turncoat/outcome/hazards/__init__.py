"""Survival analysis: Cox models, their assumptions, their discrimination, and the picture."""
