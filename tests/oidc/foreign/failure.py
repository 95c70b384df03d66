"""The one way for things to go wrong that is explained."""


class Failure(Exception):
    """Something is not as it should be, in words for whoever ran this."""
