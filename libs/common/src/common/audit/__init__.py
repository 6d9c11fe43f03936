"""The audit trail: who did what, to what, when, from where, under which request (spec PF-8).

`record` writes an entry in the transaction of what it tells of: they commit together, and a read
that cannot be recorded is not answered. Entries are never changed or removed. Each carries a mac
from the moment it is written; right afterwards the `Sealer` gives it its place in the service's
chain, in which every entry vouches for all before it. `verify` finds what was tampered with.
"""

from common.audit.chain import Chain, Head
from common.audit.entries import NO_PRACTICE, Entry, Wanted, page, record
from common.audit.sealer import Sealer
from common.audit.verifier import Report, verify

__all__ = [
    "NO_PRACTICE",
    "Chain",
    "Entry",
    "Head",
    "Report",
    "Sealer",
    "Wanted",
    "page",
    "record",
    "verify",
]
