"""What can be done to bookings and holds, each in the caller's transaction."""
