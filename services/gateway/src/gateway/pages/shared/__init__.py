"""Code shared by the pages: language and formats, labels, templates, forms, and error pages."""
