"""Providers: one room for each library that backbones come from, and `zoo.load` over all of them."""
