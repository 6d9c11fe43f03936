"""The `attune` command, with which operators run and look after Attune."""
