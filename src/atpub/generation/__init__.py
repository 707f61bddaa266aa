"""Generation: settings and lexicons → the files of a package of classes, and a folder brought up to date."""
