"""Offline: purchase logs in, artifact out."""
