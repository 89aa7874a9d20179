"""What answers page views before the framework is asked."""
