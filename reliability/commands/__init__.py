"""The commands of the command line, one file each; `reliability.cli` puts them together."""
