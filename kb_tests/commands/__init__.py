"""The commands of `kb`, a group a file: its options, and what it does with them."""
