"""What the pages share: language and formats, labels, templates, forms, and error pages."""
