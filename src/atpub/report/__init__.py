"""Problems, plans and outcomes as text and JSON."""
