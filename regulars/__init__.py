"""The command line: the only place that knows both training and serving."""
