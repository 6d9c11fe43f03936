"""How many random examples these tests run; `make fuzz` runs many more."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "attune",
    max_examples=int(os.environ.get("ATTUNE_EXAMPLES", "50")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("attune")
