"""Reading published datasets: their shards, opened or saved as files."""
