"""Experiments: who is in which group, what each group did, and how sure a difference between groups is."""
