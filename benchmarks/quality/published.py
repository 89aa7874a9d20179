"""What others reached on the same files and protocol, and where that was said.

Figures are copied from the sources, never rounded further; "measured here" are methods that were run again on exactly
these files with their published code before this project set its bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

BARS = "BARS leaderboard"
REALITY_CHECK = "“A Next Basket Recommendation Reality Check” (TOIS 2023), its code measured here"
HERE = "measured here"


@dataclass(frozen=True, slots=True)
class Published:
    """One line of a published table."""

    method: str
    values: tuple[float | None, ...]
    """In the order of the data set's metrics."""
    source: str


METRICS: dict[str, tuple[str, ...]] = {
    "complete_journey": ("recall@10, all items", "nDCG@10, all items", "recall@10, new items", "nDCG@10, new items"),
    "tafeng": ("R@10", "nDCG@10", "PHR@10", "R@20", "nDCG@20", "PHR@20"),
    "gowalla": ("Recall@20", "nDCG@20"),
    "amazon_cds": ("Recall@20", "nDCG@20"),
}
"""The columns of each data set's table: a row of that name is Regulars' figure."""

PUBLISHED: dict[str, tuple[Published, ...]] = {
    "complete_journey": (
        Published("own recent top (3 × last 90 days + all)", (0.387, 0.423, None, None), HERE),
        Published("own top, then popularity", (0.3766, 0.4118, 0.0372, 0.0388), HERE),
        Published("boosted trees, 20 features", (0.396, 0.431, 0.045, 0.047), HERE),
        Published("item-kNN, cosine", (0.0779, 0.0865, 0.0442, 0.0456), HERE),
        Published("popularity", (0.1513, 0.1786, 0.0372, 0.0388), HERE),
    ),
    "tafeng": (
        Published("own count × .1 + popularity share × .3", (0.150, 0.130, None, 0.193, None, None), HERE),
        Published("TIFU-KNN", (0.1240, 0.1002, 0.3912, 0.1810, 0.1221, 0.5127), REALITY_CHECK),
        Published("personal top, then popularity", (0.1212, 0.1014, 0.3794, 0.1685, 0.1204, 0.4872), REALITY_CHECK),
        Published("UP-CF@r", (0.1151, 0.0989, 0.3787, 0.1553, 0.1157, 0.4729), REALITY_CHECK),
        Published("DREAM, as a fork reproduced it", (0.1131, 0.1038, 0.3070, 0.1444, 0.1162, 0.3955), REALITY_CHECK),
        Published("personal top", (0.1072, 0.0957, 0.3575, 0.1384, 0.1093, 0.4360), REALITY_CHECK),
        Published("popularity", (0.0813, 0.0861, 0.2504, 0.1071, 0.0954, 0.3287), REALITY_CHECK),
    ),
    "gowalla": (
        Published("SimpleX", (0.1872, 0.1557), BARS),
        Published("UltraGCN", (0.1862, 0.1580), BARS),
        Published("GF-CF", (0.1849, 0.1518), BARS),
        Published("LightGCN", (0.1820, 0.1547), BARS),
        Published("EASE", (0.1765, 0.1467), BARS),
        Published("SLIM", (0.1699, 0.1382), BARS),
        Published("MF-BPR", (0.1627, 0.1378), BARS),
        Published("ItemCF", (0.1570, 0.1214), BARS),
    ),
    "amazon_cds": (
        Published("SimpleX", (0.1763, 0.1145), BARS),
        Published("UltraGCN", (0.1622, 0.1043), BARS),
        Published("BGCF", (0.1506, 0.0948), BARS),
        Published("GF-CF", (0.1417, 0.0920), HERE),
        Published("NGCF", (0.1258, 0.0792), BARS),
    ),
}
"""By data set."""
