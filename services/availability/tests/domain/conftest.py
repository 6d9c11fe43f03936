"""How many random examples these tests run."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "attune",
    max_examples=int(os.environ.get("ATTUNE_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("attune")
