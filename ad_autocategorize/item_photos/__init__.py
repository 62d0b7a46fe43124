"""What the photos of an ad say of its category, and how that joins what its title says. Knows no Django.

At the top is what a web process may import: NumPy, Pillow and ONNX Runtime. ``training/`` needs scikit-learn's extra besides.
"""
