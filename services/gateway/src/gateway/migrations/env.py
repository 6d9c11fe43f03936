from common.db.migrations import run_env
from gateway.accounts.store import Base

run_env(Base.metadata)
