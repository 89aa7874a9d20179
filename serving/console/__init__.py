"""The console: pages for the shop's team about customers, shelves, versions, traffic and experiments.

They only read. They are rendered here, without a script, and shown to whoever signs in with a secret key of the scope
`operations`, or, while the API asks for no keys, to browsers of this machine (`serving.console.door`). What takes time
is done in threads, so that storefronts do not wait for somebody who looks at a chart.
"""
