"""The kinds of storage: one module each, behind one interface; `registry` lists them."""
