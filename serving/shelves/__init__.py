"""Shelves cut from lists that were prepared in advance: what most requests are answered with."""
