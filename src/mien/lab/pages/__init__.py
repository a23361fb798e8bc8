"""What people read: tables, charts and pages, made from reports and records."""
