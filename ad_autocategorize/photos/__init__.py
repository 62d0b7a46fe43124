"""Reading cars off photos: pure Python, Pillow and, on the training side, torch. Knows no Django."""
