"""The rules of notices: recipients, validity, and retries. No I/O."""
