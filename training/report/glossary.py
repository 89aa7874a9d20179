"""The words of the report, each explained in a sentence a manager can read."""

from __future__ import annotations

from recommender.purpose import Purpose

METRICS: dict[str, tuple[str, str]] = {
    "ndcg": (
        "nDCG",
        (
            "How well the list is ordered: what the customer went on to buy counts more the higher it stands. "
            "1 means every place that could be right is right."
        ),
    ),
    "recall": (
        "Recall",
        (
            "Of the items the customer went on to buy, the share found in the list. A list of k places cannot hold "
            "more than k, so the share is of min(k, items bought)."
        ),
    ),
    "precision": ("Precision", "Of the k places of the list, the share that holds something the customer bought."),
    "map": (
        "MAP",
        (
            "Mean average precision: the precision at the place of each right item, averaged over the right items and "
            "then over customers."
        ),
    ),
    "hit_rate": ("Hit rate", "The share of customers who bought at least one item of their list."),
    "coverage": ("Coverage", "The share of the catalogue that is recommended to anybody at all."),
    "novelty": (
        "Novelty",
        (
            "How far the list is from the bestsellers, in bits: 0 for an item every customer bought, one more for each "
            "halving of its buyers."
        ),
    ),
}
"""Metric → the name people read, and what it says."""

PURPOSES: dict[Purpose, str] = {
    Purpose.ALL: "All items",
    Purpose.NEW: "Items new to the customer",
    Purpose.AGAIN: "Items bought before",
    Purpose.CART: "The rest of a basket",
}

TERMS: dict[str, str] = {
    "All items": "Lists may hold what the customer already owns, and buying it again counts as right.",
    "Items new to the customer": "Lists leave out what the customer owns, and only first purchases count as right.",
    "Holdout": "The last part of the log, hidden from the model while it learned, on which all lists are measured.",
    "Popularity": "The baseline that offers everybody the items with the most buyers.",
    "Own top": "The baseline that offers each customer what they ordered most often, then popularity; for new items "
    "it is popularity.",
    "Own recent top": "Own top in which an order of the last 90 days counts four times.",
    "Interval": "If other customers like these had been measured, the figure would lie in this range 95 times in 100 "
    "(bootstrap over customers).",
    "Paired difference": "Model minus baseline for the same customer, averaged: the fairest comparison of two lists.",
    "Value decile": "Customers sorted by what they spent before the holdout, in ten equal groups; 10 spent the most.",
    "Blend weight": "How much one signal counts in the model's score; learned on a window before the holdout.",
    "Repeat share": "Of the items on customers' orders, the share they had ordered before.",
    "Segment": "A group of customers by how recently, how often and for how much they bought (RFM).",
    "Quarantined": "Rows that make no sense, such as an unreadable date; they are kept in a file with the reason.",
    "Set aside": "Rows that make sense and are not learned from, such as vouchers.",
}


def metric_label(metric: str, k: int) -> str:
    """Return the name a reader sees, such as ``nDCG@10``."""
    return f"{METRICS[metric][0]}@{k}"
