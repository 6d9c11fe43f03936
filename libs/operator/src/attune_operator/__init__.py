"""The `attune` command, with which operators run and maintain Attune."""
