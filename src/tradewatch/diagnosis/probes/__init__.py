"""The measurements behind the checks; each leaves things as it found them."""
