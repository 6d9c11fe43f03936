"""The pages, as people meet them: a real browser, on a phone and on a desk, with and without
JavaScript, by mouse and by keyboard."""
