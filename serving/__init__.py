"""Online: artifact in, slates out."""
