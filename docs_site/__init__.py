"""What of the documentation is written by a program: the pages of the reference, and the site's links to files of the repository."""
