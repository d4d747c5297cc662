"""Events as they happen: the HTTP collector. What it acknowledges is durable, and the lake's own judgement of an event is the last word."""
