"""The pages in a real browser, on a phone and a desktop, with and without JavaScript, by mouse and
by keyboard."""
