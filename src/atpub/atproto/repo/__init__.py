"""The data of a repository as the specification has it: blocks, the Merkle search tree, commits, CAR files, keys."""
