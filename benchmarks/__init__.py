"""One script per claim, each with a named peer in the same run."""
