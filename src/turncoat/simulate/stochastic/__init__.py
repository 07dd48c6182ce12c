"""Chance: counter-based streams, exact simulation, tau-leaps and colonies."""
