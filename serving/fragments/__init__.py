"""Shelves as HTML, for shops whose pages run no script."""
