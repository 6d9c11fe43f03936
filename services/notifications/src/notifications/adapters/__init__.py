"""Other systems: services that are asked, and channels that take messages. One file each."""
