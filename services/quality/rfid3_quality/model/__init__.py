"""How does condition wear, and where will it stand? Numpy at import; scipy only inside fits."""
