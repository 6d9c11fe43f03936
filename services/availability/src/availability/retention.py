"""What availability removes when its time is over (spec PF-10): nothing of its own.

The set-up of a practice is no personal data of clients, and taken time leaves the projection by
itself two days after its end.
"""

from common.upkeep.retention import Purges

purges = Purges("availability")
