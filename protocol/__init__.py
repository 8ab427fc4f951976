"""What is said between Tagstream and its clients. Importing anything here opens nothing."""
