from common.db.migrations import run_env
from notifications.store.tables import Base

run_env(Base.metadata)
