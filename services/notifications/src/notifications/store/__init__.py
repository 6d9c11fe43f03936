"""Tables and queries: notices by ids only, and the development mailbox, encrypted."""
