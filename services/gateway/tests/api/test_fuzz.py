"""A fuzzer that is driven by the OpenAPI document, against the whole system.

Only `make fuzz` tries every boundary of every field and more examples, since that takes minutes.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.gateway.tests.clinic import Practice

pytestmark = pytest.mark.timeout(600)

LONG = "ATTUNE_FUZZ_SECONDS" in os.environ
PHASES = "examples,coverage,fuzzing" if LONG else "examples,fuzzing"
EXAMPLES = 40 if LONG else 5
# The document has the form of these; the server also judges what they name.
HOOKS = """
import schemathesis
from hypothesis import strategies as st
from common import zones

schemathesis.openapi.format("timezone", st.sampled_from(sorted(zones.NAMES)))
"""


def fuzz(practice: Practice, folder: Path, *arguments: str, config: str = "") -> None:
    """Fail with the report of Schemathesis unless every answer was as documented."""
    (folder / "schemathesis.toml").write_text(config)
    (folder / "hooks.py").write_text(HOOKS)
    program = Path(sys.executable).with_name("schemathesis")
    document = f"{practice.stack.url}/api/v1/openapi.json"
    run = subprocess.run(
        [
            str(program),
            "run",
            document,
            "--checks=all",
            f"--phases={PHASES}",
            f"--max-examples={EXAMPLES}",
            "--seed=1",
            "--continue-on-failure",
            *arguments,
        ],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr


@pytest.mark.req("GW-1", "GW-2", "SL-10")
def test_whatever_strangers_send_is_answered_as_documented(
    practice: Practice, tmp_path: Path
) -> None:
    tags = ("Providers", "Auth", "Probes", "Calendar feeds", "Development")
    operations = ("create_hold", "release_hold", "create_booking", "get_booking", "list_clients")
    fuzz(
        practice,
        tmp_path,
        *(f"--include-tag={tag}" for tag in tags),
        *(f"--include-operation-id={name}" for name in operations),
    )


@pytest.mark.req("GW-1", "GW-2")
def test_whatever_an_owner_sends_is_answered_as_documented(
    make_practice: Callable[[], Practice], tmp_path: Path
) -> None:
    practice = make_practice()
    fuzz(
        practice,
        tmp_path,
        # A document cannot say that blocks must not overlap, nor which rooms there are.
        "--exclude-checks=positive_data_acceptance",
        f"--header=Authorization: {practice.owner.authorization}",
        "--exclude-tag=Probes",
        "--exclude-tag=Providers",
        "--exclude-operation-id=create_booking",
        "--exclude-tag=Auth",  # it would end its own session
        "--exclude-tag=Development",
        config=f'[parameters]\n"path.username" = "{practice.username}"\n"query.tz" = "UTC"\n',
    )
