"""Sealing the beginning of a chain, once, while the audit trail is still empty."""

from sqlalchemy import create_engine, make_url, pool, text

from common.audit.chain import BEGINNING, Chain

_SEAL = text(
    "UPDATE audit_head SET mac = :mac"
    " WHERE position = 0 AND length(mac) = 0 AND NOT EXISTS (SELECT FROM audit)"
)


def seal_genesis(owner_url: str, chain: Chain) -> None:
    """Seal the beginning of an empty chain, as the schema's owner. A repeated call does nothing.

    A trail that has entries is left alone: without its positions and hashes, it looks the same as a
    chain that has not begun, and the sealer would link whatever entries are left.
    """
    url = make_url(owner_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('attune.practice', '*', true)"))
        connection.execute(_SEAL, {"mac": chain.seal(BEGINNING)})
