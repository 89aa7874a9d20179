"""The customer base of a training: how good its outlook is, how customers move, and the table of all of them."""
