"""What is really in a store: shelves, baskets, back room, goods on their way, and the people who move them."""
