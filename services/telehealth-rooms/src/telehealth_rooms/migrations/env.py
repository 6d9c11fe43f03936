from common.db.migrations import run_env
from telehealth_rooms.store import Base

run_env(Base.metadata)
