from billing.store.tables import Base
from common.db.migrations import run_env

run_env(Base.metadata)
