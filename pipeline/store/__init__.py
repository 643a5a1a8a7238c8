"""Where files are: committed layers, output folders, remote stores, room on the disk."""
