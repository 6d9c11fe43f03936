"""How notices read: wording, times, calendar invites."""
