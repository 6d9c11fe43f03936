from common.db.migrations import run_env
from sample.store import Base

run_env(Base.metadata)
