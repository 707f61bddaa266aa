"""Pages and metadata formats of published datasets: values → text."""
