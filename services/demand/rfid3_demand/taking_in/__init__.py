"""How does what happens in the shop become features of the present, again and again? Runs in the service's worker."""
