"""What billing removes when its time is over (spec PF-10): nothing of its own.

Billables and the ledger hold ids and amounts. They are records that tax law has practices keep.
"""

from common.upkeep.retention import Purges

purges = Purges("billing")
