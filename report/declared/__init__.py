"""What an organisation declares: the parts of the file, their checks, and the rows they become."""
