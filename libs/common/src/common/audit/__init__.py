"""The audit trail: who did what, to what, when, from where, under which request (spec PF-8).

`record` writes an entry in the transaction of the action: both commit together, and a read that
cannot be recorded is not answered. Entries are never changed or removed. Every entry is written
with a MAC. Right afterward, the `Sealer` appends the entry to the service's hash chain, in which
each entry authenticates all entries before it. `verify` finds entries that were tampered with.
"""

from common.audit.chain import Chain, Head
from common.audit.entries import LIST, NO_PRACTICE, Entry, Filter, page, record
from common.audit.genesis import seal_genesis
from common.audit.sealer import Sealer
from common.audit.verifier import Report, verify

__all__ = [
    "LIST",
    "NO_PRACTICE",
    "Chain",
    "Entry",
    "Filter",
    "Head",
    "Report",
    "Sealer",
    "page",
    "record",
    "seal_genesis",
    "verify",
]
