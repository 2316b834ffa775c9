"""Features of many files at once, stored for use elsewhere: `embed`, behind `zoo embed`."""
