"""The report of a study: `document` puts it together, the other modules make one section each."""
