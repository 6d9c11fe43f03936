"""The public API, the pages, sign-in, and protection: everything that is served over HTTP."""
