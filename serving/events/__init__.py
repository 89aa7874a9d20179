"""What storefronts report, on its way to the next training."""
