"""The domain: interactions, the model, the ranking, and the rules of a slate.

Imports the standard library, numpy and scipy, and nothing else. Knows no store, no web, no environment, no clock;
the current time and the seed are parameters. Follow the data in this order:
`interactions`, `confidence`, `matrix`, `factors`, `ranking`, `blend`, `engine`, `artifact`.
"""
