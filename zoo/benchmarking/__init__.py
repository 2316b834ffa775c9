"""The benchmark: suites, arms, search, grid, store, statistics and report."""
