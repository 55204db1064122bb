"""`make upgrade-check`: any package on a newer serving container: linted, and asked the same."""
