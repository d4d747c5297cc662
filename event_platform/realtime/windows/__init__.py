"""Five-second windows of the clickstream, counted by Spark while the events pass: exactly once in the lake, whatever is killed."""
