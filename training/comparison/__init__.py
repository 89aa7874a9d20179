"""Two versions side by side: on the same users, in what customers see, and in what they were made of.

`compare` does the whole of it and returns a `Comparison` of plain values, which the command line prints and
`training.report.comparison` draws. The gate shares `paired` and `windows` with it.
"""
