from common.db.migrations import run_env
from notifications.store import Base

run_env(Base.metadata)
