"""The words of statistics in a report, each explained once: at the end of page and Markdown, and in tooltips."""

from typing import NamedTuple


class Term(NamedTuple):
    """A term of the field."""

    name: str
    occurs: str
    """Where it occurs in text, as a regular expression of Python and JavaScript."""
    meaning: str


GLOSSARY = (
    Term(
        "n",
        r"\bn\s=\s\d+( of \d+)?",
        "How many pairs were compared. A pair is one seed, trained once with each of the two variants.",
    ),
    Term(
        "paired by seed",
        r"\bpaired by seed\b",
        "Both trials of a pair share a seed: the same initial weights and the same order of images, wherever the "
        "variants allow it. So luck counts for less.",
    ),
    Term("pp", r"\bpp\b", "Percentage points: the difference of two percentages. From 98.9 % to 99.1 % it is +0.2 pp."),
    Term(
        "confidence interval",
        r"\[[−+]?\d[^\]]*\]|\b95\s% (CI|interval)",
        "The numbers in brackets. Of 100 such experiments with other seeds, about 95 would have the true mean within "
        "their brackets. Where they include zero (or 1 for a ratio), the direction is open.",
    ),
    Term(
        "no difference detected",
        r"\b[Nn]o difference( is)? detected\b",
        "The pairs do not show one. That is no proof that there is none: it may be smaller than they can detect.",
    ),
    Term(
        "validation images",
        r"\bto validate\b",
        "Kept aside from training, and looked at while a network trains. Test images are looked at once, at its end.",
    ),
    Term(
        "exploratory",
        r"\b[Ee]xploratory\b",
        "Not what the experiment was set up to decide, or chosen after the first trial. It is shown with its numbers, "
        "and confirms nothing.",
    ),
    Term(
        "supported, refuted",
        r"\b[Ss]upported\b|\b[Rr]efuted\b",
        "The trials meet the rule of the claim, or show the opposite. Of all claims of a results folder, exploratory "
        "ones apart, even one is called so falsely in 5 % of cases at most. What is said of single places beside that "
        "is corrected over the places of the claim alone.",
    ),
    Term(
        "no difference (verdict)",
        r"\bno difference(?! (is )?detected| at all)\b",
        "The difference is shown to be smaller than the margin that the rule names.",
    ),
    Term(
        "inconclusive",
        r"\b[Ii]nconclusive\b",
        "So many trials show neither. That says nothing for the claim, and nothing against it.",
    ),
    Term(
        "sequential",
        r"\bsequential (p|rule)\b",
        "A rule that holds at every look at the results, so that seeds may be added until it has decided.",
    ),
    Term(
        "detectable difference",
        r"\bdetectable difference\b|\bcould have detected\b|\bcan detect\b",
        "The smallest true difference that so many pairs find in 80 % of all such experiments (80 % power).",
    ),
    Term(
        "× the steps",
        r"[\d.,]+× the steps\b",
        "Training steps to that validation accuracy, as a multiple of the baseline's: 0.50× is half as many. Runs that "
        "do not reach it count with all their steps.",
    ),
    Term(
        "on these test images",
        r"\bon these test images\b",
        "The brackets are for other seeds on the same test images. On other test images the difference could vanish.",
    ),
    Term(
        "95 % CI incl. test-set sampling",
        r"\bincl\. test-set sampling\b",
        "The interval of the same difference for other seeds and other test images.",
    ),
    Term(
        "sign-flip test",
        r"\b[Ss]ign-flip\b",
        "Its p is the share of all ways to flip the signs of the differences that give a mean at least as far from "
        "zero. It needs no normal distribution.",
    ),
    Term(
        "Holm-adjusted p",
        r"\bHolm(-adjusted p|'s correction)?\b",
        "Several comparisons give chance several tries. Holm's correction raises each p, so that the chance of even "
        "one false finding stays below 5 %.",
    ),
    Term(
        "equivalence (TOST)",
        r"\b[Ee]quivalen(t|ce)\b|\bTOST\b",
        "Two one-sided tests show that the difference lies within a margin chosen beforehand. Detecting no difference "
        "is not enough for that.",
    ),
    Term(
        "moving averages",
        r"\b[Mm]oving averages\b",
        "Batch normalization tests with averages of its statistics, collected while it trained. Until these have "
        "warmed up, a network can test worse than it has learned.",
    ),
    Term(
        "recalibrated statistics",
        r"\b[Rr]ecalibrated( statistics)?\b",
        "The same weights, with statistics computed anew over training images. This shows what was learned.",
    ),
    Term(
        "batch statistics",
        r"\bbatch statistics\b",
        "The same weights, each test batch normalized with its own statistics.",
    ),
    Term(
        "log-rank test",
        r"\b[Ll]og-rank\b",
        "Compares how early runs reach an accuracy. Those that never reach it count too.",
    ),
    Term("McNemar's test", r"\bMcNemar\b", "Compares how many trials of each variant trained at all, pair by pair."),
    Term("P(improvement)", r"P\(improvement\)", "The share of pairs in which the variant was better. Ties count half."),
)
