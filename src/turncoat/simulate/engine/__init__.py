"""The engine: any model of a declared SBML core subset, from text to compiled code."""
