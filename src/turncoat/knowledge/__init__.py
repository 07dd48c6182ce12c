"""Bundled tables, each with source, licence, date and checksum."""
