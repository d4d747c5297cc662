"""Erasing a person: `erase.py` is the order of the steps, `receipt.py` what is kept of it, `proof.py` how it is shown that nothing is left."""
