"""Phantoms, one small file a modality. `sample.py` is the only door."""
