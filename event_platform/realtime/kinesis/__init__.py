"""Amazon Kinesis: records become landed files, each once, whatever dies in between; and what they say is told at once."""
