"""Labelled data from wherever a person keeps it: `read_data` takes folders, tables, libraries' data sets and arrays."""

from zoo.data.sources.read import read_data

__all__ = ["read_data"]
