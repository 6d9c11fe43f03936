from common.db.migrations import run_env
from gateway.identity.store import Base

run_env(Base.metadata)
