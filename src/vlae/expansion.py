"""How far a compressed file may expand before it is taken for a bomb."""

# A deflated stream expands up to 1032 times. Data sets hardly do; a bomb must.
MOST_EXPANSION = 200
SMALL = 1 << 28  # bytes that are no danger, however little they came from


def most(packed: int) -> int:
    """Most bytes that so many compressed bytes may become."""
    return max(SMALL, MOST_EXPANSION * packed)
