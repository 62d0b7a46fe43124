"""Suggesting the category of an ad from its photos, and from photos and title together. Knows no Django.

A web process may import the modules at the top, which need NumPy, Pillow and ONNX Runtime. ``training/`` needs the extra with
scikit-learn too.
"""
