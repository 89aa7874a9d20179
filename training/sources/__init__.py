"""Where the log and the catalogue come from: files in, columns with one meaning out."""
