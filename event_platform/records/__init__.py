"""Records in files of every format: as lines, whatever the file is, so that there is one way through stage for all."""
