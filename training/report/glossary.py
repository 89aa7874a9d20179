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

SLATE_METRICS: dict[str, tuple[str, str]] = {
    "ndcg": METRICS["ndcg"],
    "recall": METRICS["recall"],
    "ndcg_by_title": (
        "nDCG by title",
        (
            "nDCG where items of one title count as one thing, as a customer sees them: any of them is a hit, and "
            "showing the same title twice is no second one."
        ),
    ),
    "category_diversity": (
        "Category diversity",
        "Of all pairs of items on one list, the share from two different categories.",
    ),
    "vector_diversity": (
        "Taste diversity",
        (
            "How far apart the items of one list lie in taste, pair by pair: 0 if the same customers buy all of them, "
            "1 if what customers buy of one says nothing about the other."
        ),
    ),
    "repeated_categories": ("Repeated categories", "Places of a list that show a category already shown above."),
    "coverage": METRICS["coverage"],
    "exposure_gini": (
        "Exposure Gini",
        "How unevenly places are spread over the catalogue: 0 if every item gets as many, near 1 if a few get all.",
    ),
    "novelty": METRICS["novelty"],
    "freshness": ("Fresh items", "Of the items of a list, the share first sold within the last 30 days."),
    "item_age": (
        "Item age",
        "Days since the first sale of the listed items, on average; no item can be older than the log.",
    ),
    "something_new": ("Something new", "The share of lists with at least one item the customer has never bought."),
}
"""Figure of a slate → the name people read, and what it says."""

REASONS: dict[str, str] = {
    "buy_again": "bought before",
    "because_you_bought": "like what was bought",
    "bought_together": "goes with what was bought",
    "similar_to": "like what was looked at",
    "favourite_category": "a favourite category",
    "popular": "popular",
    "popular_in_category": "popular in its category",
    "trending": "trending",
}
"""Reason → a few words for it."""

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
    "As shown": "The list after the slate's own rules: the diversity dial, one item of each title, the category cap.",
    "Diversity dial": "How much a slate prefers what is unlike the items above it: 0 not at all, 1 before all else "
    "(maximal marginal relevance).",
    "Validation window": "The weeks before the holdout, on which weights are learned and settings chosen.",
    "Repeat share": "Of the items on customers' orders, the share they had ordered before.",
    "Segment": "A group of customers by how recently, how often and for how much they bought (RFM).",
    "Quarantined": "Rows that make no sense, such as an unreadable date; they are kept in a file with the reason.",
    "Set aside": "Rows that make sense and are not learned from, such as vouchers.",
}


def metric_label(metric: str, k: int) -> str:
    """Return the name a reader sees, such as ``nDCG@10``."""
    return f"{METRICS[metric][0]}@{k}"
