"""Cards of published models: every word follows from stored records, and nothing is typed or left open."""
