"""Car fields that contradict the car catalog or the photos: the search, and the queue of them."""
