"""What must hold whatever breaks, tried with real processes."""
