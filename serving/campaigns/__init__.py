"""Mailing files for a segment of users."""
