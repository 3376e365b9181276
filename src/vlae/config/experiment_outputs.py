"""What experiments write and claims and figures look for: names and sizes.

Constants only. They stand here because claims and figures do not import experiments,
which need torch.
"""

WIDE_CODES_SCORE = "wide codes give more zeros than ones"
"""Score in the table of `codes`, which a claim quotes."""

WITHIN_CLASS_SUFFIX = "_within_class"
"""Ending of a property's name, where the property is taken within the class."""

RECOMPOSED_GROUP_SIZE = 4
"""Images in a group of `recomposed`, in order, whose parts are exchanged."""
