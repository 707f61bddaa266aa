"""An inventory against what is live: what is wrong with it, and how it is put right."""
