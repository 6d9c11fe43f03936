"""Video rooms and the links into them."""
