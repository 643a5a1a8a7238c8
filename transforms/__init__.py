"""The scan stages: plain objects over batches of documents, free of Beam and of policy."""
