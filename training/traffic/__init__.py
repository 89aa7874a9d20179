"""What storefronts reported, read for people: which shelves sell, and what an experiment found."""
