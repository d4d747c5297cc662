"""Tables in Amazon Redshift: native ones that follow the lake's snapshots, and external schemas over the Glue catalogue. See docs/redshift.md."""
