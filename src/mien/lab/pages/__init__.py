"""Tables, charts and pages for readers, made from reports and records."""
